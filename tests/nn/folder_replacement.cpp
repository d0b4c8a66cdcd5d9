#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>

#include "nn/base/file.h"
#include "nn/files/folder_replacement.h"
#include "tests/complaint.h"
#include "tests/faulty_disk.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using nn::FolderReplacement, nn::SavedFile, nn::Storage;

bool is_ours(const std::string& name) { return name.starts_with("shard-") || name == "config"; }

FolderReplacement replacement(const fs::path& target, const std::shared_ptr<Storage>& storage) {
  return FolderReplacement(target, is_ours, storage);
}

std::string shard(int version, int process) {
  return std::string(700, static_cast<char>('a' + 4 * version + process));
}

// Saves like two processes, the first of which also writes for a third that cannot see the folder.
// Versions differ in their number of shards.
void save(const fs::path& target, int version,
          const std::shared_ptr<Storage>& storage = std::make_shared<nn::Disk>()) {
  FolderReplacement first = replacement(target, storage), second = replacement(target, storage);
  first.leave_mark("this folder");
  REQUIRE(second.has_mark("this folder"));
  std::vector<SavedFile> files{second.write("shard-1", shard(version, 1)),
                               first.write("shard-0", shard(version, 0))};
  SavedFile third{"shard-2", 0, 0};
  const std::string sent = shard(version, 2);
  for (std::size_t at = 0; at < sent.size(); at += 300)
    first.append(third, std::string_view(sent).substr(at, 300));
  first.finish(third);
  if (version != 2) files.push_back(third);
  files.push_back(first.write("config", std::to_string(version)));
  first.complete(files, {{"version", std::to_string(version)}});
}

// The version in the folder, which must be whole and without remains of another; 0: none.
int version_of(const fs::path& target) {
  if (!fs::exists(target)) return 0;
  const nn::Manifest manifest = nn::read_manifest(target);
  const int version = nn::whole_number(manifest.state, "version");
  CHECK(nn::read_file(target / "config") == std::to_string(version));
  CHECK(nn::read_file(target / "shard-1") == shard(version, 1));
  CHECK(fs::exists(target / "shard-2") == (version != 2));
  CHECK(!fs::exists(target / "mark"));
  return version;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

}  // namespace

TEST_CASE("a folder replaces another at once, and leaves nothing beside it") {
  const tools::TemporaryFolder temporary;
  const fs::path target = temporary.path / "new" / "model";
  for (int version : {1, 2, 3}) {
    save(target, version);
    CHECK(version_of(target) == version);
    CHECK(names_in(temporary.path / "new") == std::vector<std::string>{"model"});
  }
}

TEST_CASE("a user's own files move over from the old folder to the new one") {
  const tools::TemporaryFolder temporary;
  const fs::path target = temporary.path / "model";
  save(target, 1);
  std::ofstream(target / "notes.md") << "mine";
  fs::create_directories(target / ".git" / "objects");
  save(target, 2);
  CHECK(version_of(target) == 2);
  CHECK(nn::read_file(target / "notes.md") == "mine");
  CHECK(fs::exists(target / ".git" / "objects"));
  CHECK(names_in(temporary.path) == std::vector<std::string>{"model"});
}

TEST_CASE("a folder without a manifest is replaced, too, and so is an empty one") {
  const tools::TemporaryFolder temporary;
  for (const char* name : {"old", "empty"}) {
    const fs::path target = temporary.path / name;
    fs::create_directory(target);
    if (name == std::string("old")) std::ofstream(target / "shard-7") << "old";
    save(target, 2);
    CHECK(version_of(target) == 2);
    CHECK(!fs::exists(target / "shard-7"));
  }
}

TEST_CASE("the next save clears what an abandoned one left") {
  const tools::TemporaryFolder temporary;
  const fs::path target = temporary.path / "model";
  save(target, 1);
  FolderReplacement abandoned = replacement(target, std::make_shared<nn::Disk>());
  abandoned.write("shard-9", "abandoned");
  abandoned.leave_mark("x");
  std::ofstream(temporary.path / ".model.part" / ".shard-0.17.part") << "abandoned";
  CHECK(version_of(target) == 1);
  save(target, 2);
  CHECK(version_of(target) == 2);
  CHECK(names_in(target) ==
        std::vector<std::string>{"config", "manifest.txt", "shard-0", "shard-1"});
}

TEST_CASE("a link to a folder stays one, and the folder is made or replaced") {
  const tools::TemporaryFolder temporary;
  fs::create_directory(temporary.path / "elsewhere");
  fs::create_directory_symlink("elsewhere/model", temporary.path / "model");
  for (int version : {1, 2}) {
    save(temporary.path / "model", version);
    CHECK(fs::is_symlink(temporary.path / "model"));
    CHECK(version_of(temporary.path / "elsewhere" / "model") == version);
  }
}

TEST_CASE("only a folder is replaced") {
  const tools::TemporaryFolder temporary;
  const fs::path file = temporary.path / "file";
  std::ofstream(file) << "mine";
  CHECK(contains(complaint_of([&] { save(file, 1); }), "it is not a folder"));
  CHECK(nn::read_file(file) == "mine");
  CHECK(contains(complaint_of([&] { save(file / "model", 1); }), "cannot write"));
  fs::create_symlink("loop", temporary.path / "loop");
  CHECK(contains(complaint_of([&] { save(temporary.path / "loop", 1); }), "cannot write"));
}

TEST_CASE("a mark is seen only in the folder that it was left in") {
  const tools::TemporaryFolder temporary;
  const auto disk = std::make_shared<nn::Disk>();
  FolderReplacement one = replacement(temporary.path / "a" / "model", disk),
                    other = replacement(temporary.path / "b" / "model", disk);
  other.leave_mark("this folder");
  CHECK(!one.has_mark("this folder"));
  one.leave_mark("another folder");
  CHECK(!one.has_mark("this folder"));
}

// Exchanges names by renaming, as on a file system that cannot exchange them in one step.
class PlainDisk : public FaultyDisk {
  using FaultyDisk::FaultyDisk;
  void exchange(const fs::path& a, const fs::path& b) override {
    nn::exchange_by_renames(*this, a, b);
  }
};

// Saves versions 1 to 3, with a user's file added after version 1, on a disk whose n-th operation
// goes wrong, for every n, and checks what is left.
template <class Disk, class Check>
void each_fault(FaultyDisk::Fault fault, Check check) {
  for (int n = 0;; ++n) {
    CAPTURE(n);
    const tools::TemporaryFolder temporary;
    const fs::path target = fs::canonical(temporary.path) / "model";
    const auto disk = std::make_shared<Disk>(target.parent_path(), n, fault);
    int begun = 0, saved = 0;
    std::string complaint;
    try {
      while (begun < 3) {
        save(target, ++begun, disk), saved = begun;
        if (begun > 1) continue;
        const std::string_view notes = "mine";
        nn::on_disk(target, [&] {
          disk->write(target / "notes.md", {&notes, 1});
          disk->sync(target / "notes.md"), disk->sync(target);
        });
      }
    } catch (const nn::InputError& error) {
      complaint = error.what();
    }
    CHECK(complaint.empty() == !disk->has_failed());
    if (!disk->has_failed()) {
      CHECK(n > 80);  // operations, all of which went wrong once
      break;
    }
    CHECK(contains(complaint, "No space left on device"));
    check(*disk, target, begun, saved);
  }
}

// The user's file is in the folder, or where the next save takes it from.
bool has_notes(const fs::path& target) {
  for (const fs::path& folder : {target, target.parent_path() / ".model.part"})
    if (fs::exists(folder / "notes.md")) return nn::read_file(folder / "notes.md") == "mine";
  return false;
}

template <class Disk>
void check_failures() {
  for (auto fault : {FaultyDisk::Fault::error, FaultyDisk::Fault::half_written})
    each_fault<Disk>(fault, [](FaultyDisk&, const fs::path& target, int begun, int saved) {
      const int version = version_of(target);
      CHECK((version == saved || version == begun));
      if (saved > 1) CHECK(has_notes(target));
      save(target, 3);
      CHECK(version_of(target) == 3);
      CHECK(names_in(target.parent_path()) == std::vector<std::string>{"model"});
      if (saved > 1) CHECK(nn::read_file(target / "notes.md") == "mine");
    });
}

TEST_CASE("a disk that fails or is full leaves the whole old folder or the whole new one") {
  check_failures<FaultyDisk>();
}

TEST_CASE("and does so where a file system cannot exchange names") { check_failures<PlainDisk>(); }

TEST_CASE("a loss of power at any moment leaves the whole old folder or the whole new one") {
  for (int seed = 0; seed < 12; ++seed)
    each_fault<FaultyDisk>(FaultyDisk::Fault::power,
                           [&](FaultyDisk& disk, const fs::path& target, int begun, int saved) {
                             CAPTURE(seed);
                             disk.lose_power(seed == 0   ? FaultyDisk::Survival::none
                                             : seed == 1 ? FaultyDisk::Survival::all
                                                         : FaultyDisk::Survival::some,
                                             seed);
                             const int version = version_of(target);
                             CHECK((version == saved || version == begun));
                             if (saved > 1) CHECK(has_notes(target));
                             save(target, 3);
                             CHECK(version_of(target) == 3);
                             if (saved > 1) CHECK(nn::read_file(target / "notes.md") == "mine");
                           });
}
