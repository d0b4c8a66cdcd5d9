#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "nn/base/file.h"
#include "nn/files/checkpoint_folder.h"
#include "tests/complaint.h"
#include "tests/faulty_disk.h"
#include "tests/manifest_text.h"
#include "tools/program/temporary_folder.h"

namespace {

using nn::CheckpointFolder;
namespace fs = std::filesystem;

std::string weights_of(int step) { return std::string(1000, static_cast<char>('a' + step)); }

void save(CheckpointFolder& folder, int step) {
  const std::string weights = weights_of(step);
  const std::string_view halves[] = {std::string_view(weights).substr(0, 600),
                                     std::string_view(weights).substr(600)};
  folder.complete(step,
                  {folder.write(step, "weights", halves),
                   folder.write(step, "losses", "of step " + std::to_string(step))},
                  {{"seed", std::to_string(7 * step)}, {"text", "of two words"}});
}

struct Loaded {
  int step = 0;  // none
  std::vector<std::string> damage;
};

// The newest checkpoint, which must be one that save() made.
Loaded load(CheckpointFolder folder) {  // NOLINT: a copy, which newest() changes
  Loaded loaded;
  const auto saved = folder.newest([&](const std::string& line) { loaded.damage.push_back(line); });
  if (!saved) return loaded;
  loaded.step = saved->step;
  CHECK(saved->state ==
        nn::Metadata{{"seed", std::to_string(7 * saved->step)}, {"text", "of two words"}});
  CHECK(saved->files.size() == 2);
  CHECK(nn::read_file(saved->folder / "weights") == weights_of(saved->step));
  CHECK(nn::read_file(saved->folder / "losses") == "of step " + std::to_string(saved->step));
  return loaded;
}

void overwrite(const fs::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
}

}  // namespace

TEST_CASE("the newest checkpoint is loaded, and the one before it is kept") {
  const tools::TemporaryFolder temporary;
  CheckpointFolder folder(temporary.path / "new" / "folder");
  CHECK(load(folder).step == 0);
  for (int step : {9, 10, 11, 12}) {
    save(folder, step);
    CHECK(load(folder).step == step);
  }
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(temporary.path / "new" / "folder"))
    names.insert(fs::relative(entry, temporary.path / "new" / "folder").string());
  CHECK(names == std::set<std::string>{"step-11", "step-11/losses", "step-11/manifest.txt",
                                       "step-11/weights", "step-12", "step-12/losses",
                                       "step-12/manifest.txt", "step-12/weights"});
}

TEST_CASE("the remains of an incomplete checkpoint are cleared away") {
  const tools::TemporaryFolder temporary;
  CheckpointFolder folder(temporary.path);
  save(folder, 1);
  folder.write(2, "weights", "abandoned");
  fs::create_directory(temporary.path / "step-3");
  overwrite(temporary.path / "step-3" / ".weights.17.part", "abandoned");
  CHECK(load(folder).step == 1);
  CHECK(load(folder).damage.empty());
  save(folder, 3);
  CHECK(load(folder).step == 3);
  CHECK(!fs::exists(temporary.path / "step-2"));
  CHECK(!fs::exists(temporary.path / "step-3" / ".weights.17.part"));
}

TEST_CASE("if any byte of a checkpoint is wrong, the one before it is loaded") {
  const tools::TemporaryFolder temporary;
  CheckpointFolder folder(temporary.path);
  save(folder, 1);
  save(folder, 2);
  for (const char* name : {"weights", "losses", "manifest.txt"}) {
    const fs::path file = temporary.path / "step-2" / name;
    const std::string whole = nn::read_file(file);
    const auto expect_damage = [&] {
      CAPTURE(name);
      const Loaded loaded = load(folder);
      CHECK(loaded.step == 1);
      REQUIRE(loaded.damage.size() == 1);
      CHECK(contains(loaded.damage[0], file.string() + " is damaged"));
    };
    for (std::size_t i = 0; i < whole.size(); i += i < 200 ? 1 : 97) {
      CAPTURE(i);
      std::string spoiled = whole;
      spoiled[i] ^= 4;
      overwrite(file, spoiled);
      expect_damage();
      overwrite(file, whole.substr(0, i));
      expect_damage();
    }
    overwrite(file, whole + "x");
    expect_damage();
    overwrite(file, whole);
  }
  CHECK(load(folder).step == 2);
  fs::remove(temporary.path / "step-2" / "weights");
  CHECK(contains(load(folder).damage.at(0), "weights is damaged: it is missing"));
}

TEST_CASE("after falling back, the good checkpoint is kept until there is a new one") {
  const tools::TemporaryFolder temporary;
  CheckpointFolder folder(temporary.path);
  save(folder, 1);
  save(folder, 2);
  overwrite(temporary.path / "step-2" / "weights", "damaged");
  CheckpointFolder again(temporary.path);
  CHECK(again.newest([](const std::string&) {})->step == 1);
  save(again, 3);
  CHECK(!fs::exists(temporary.path / "step-2"));
  overwrite(temporary.path / "step-3" / "weights", "damaged");
  CHECK(load(again).step == 1);
  overwrite(temporary.path / "step-1" / "weights", "damaged");
  CHECK(contains(complaint_of([&] { load(again); }), "no checkpoint in"));
}

TEST_CASE("an unreadable folder is not taken for an empty one") {
  const tools::TemporaryFolder temporary;
  nn::write_file_atomically(temporary.path / "file", "no folder");
  CHECK_THROWS_AS(CheckpointFolder(temporary.path / "file").is_empty(), nn::InputError);
  CHECK(CheckpointFolder(temporary.path / "nothing").is_empty());
}

TEST_CASE("if a checkpoint's manifest is unusable, the one before it is loaded") {
  const tools::TemporaryFolder temporary;
  CheckpointFolder folder(temporary.path);
  save(folder, 1);
  save(folder, 2);
  const fs::path file = temporary.path / "step-2" / "manifest.txt";
  const std::string whole = nn::read_file(file);
  const auto expect_damage = [&](const std::string& text, const std::string& words) {
    CAPTURE(words);
    rewrite_manifest(file, text);
    const Loaded loaded = load(folder);
    CHECK(loaded.step == 1);
    REQUIRE(loaded.damage.size() == 1);
    CHECK(contains(loaded.damage[0], file.string()));
    CHECK(contains(loaded.damage[0], words));
  };
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = whole;
    return text.replace(text.find(from), from.size(), to);
  };
  expect_damage(with("manifest 2\n", "manifest 3\n"), "has version 3");
  expect_damage(with("manifest 2\n", "manifest two\n"), "its version \"two\" is invalid");
  expect_damage(with("step 2\n", ""), "it names no step");
  expect_damage(with("step 2\n", "step 1\n"), "it belongs to step 1");
  expect_damage(with("step 2\n", "step 2x\n"), "its step \"2x\" is invalid");
  expect_damage(with("step 2\n", "stop 2\n"), "of an unknown kind");
  expect_damage(with("seed 14", "text 14"), "is invalid or a duplicate");
  expect_damage(whole.substr(0, whole.find("file ")), "it names no file");
  rewrite_manifest(file, whole);
  CHECK(load(folder).step == 2);
}

TEST_CASE("an invalid state is damage, too") {
  const tools::TemporaryFolder temporary;
  CheckpointFolder folder(temporary.path);
  save(folder, 1);
  save(folder, 2);
  std::vector<std::string> damage;
  const auto saved =
      folder.newest([&](const std::string& line) { damage.push_back(line); },
                    [](const CheckpointFolder::Saved& found) {
                      nn::require(found.state.at("seed") == "7", "there is no seed 7");
                    });
  CHECK(saved->step == 1);
  CHECK(damage == std::vector{(temporary.path / "step-2" / "manifest.txt").string() +
                              " is damaged: there is no seed 7"});
}

// Saves steps 1 to 4 on a disk whose n-th operation goes wrong, for every n, and checks what is
// left.
template <class Check>
void each_fault(FaultyDisk::Fault fault, Check check) {
  for (int n = 0;; ++n) {
    CAPTURE(n);
    const tools::TemporaryFolder temporary;
    const auto disk = std::make_shared<FaultyDisk>(temporary.path, n, fault);
    CheckpointFolder folder(temporary.path / "checkpoints", disk);
    int begun = 0, saved = 0;
    std::string complaint;
    try {
      while (begun < 4) save(folder, ++begun), saved = begun;
    } catch (const nn::InputError& error) {
      complaint = error.what();
    }
    CHECK(complaint.empty() == !disk->has_failed());
    if (!disk->has_failed()) {
      CHECK(n > 60);  // operations, all of which went wrong once
      break;
    }
    CHECK(contains(complaint, "No space left on device"));
    check(*disk, folder, begun, saved);
  }
}

TEST_CASE("a disk that fails or is full leaves the last checkpoint, and saving goes on") {
  for (auto fault : {FaultyDisk::Fault::error, FaultyDisk::Fault::half_written})
    each_fault(fault, [](FaultyDisk&, CheckpointFolder& folder, int begun, int saved) {
      const Loaded loaded = load(folder);
      CHECK((loaded.step == saved || loaded.step == begun));
      CHECK(loaded.damage.empty());
      save(folder, begun);
      CHECK(load(folder).step == begun);
      save(folder, begun + 1);
      CHECK(load(folder).step == begun + 1);
    });
}

TEST_CASE("a checkpoint whose cleanup failed still counts as the one before the next") {
  bool has_failed_after_manifest = false;
  for (int n = 0;; ++n) {
    CAPTURE(n);
    const tools::TemporaryFolder temporary;
    const auto disk = std::make_shared<FaultyDisk>(temporary.path, n, FaultyDisk::Fault::error);
    CheckpointFolder folder(temporary.path / "checkpoints", disk);
    std::string complaint = "nothing";
    for (int step = 1; step <= 3 && complaint == "nothing"; ++step)
      complaint = complaint_of([&] { save(folder, step); });
    if (!disk->has_failed()) break;
    const int whole = load(CheckpointFolder(temporary.path / "checkpoints")).step;
    if (whole == 3 && !contains(complaint, "manifest.txt")) {
      has_failed_after_manifest = true;
      save(folder, 4);
      overwrite(temporary.path / "checkpoints" / "step-4" / "weights", "damaged");
      CHECK(load(CheckpointFolder(temporary.path / "checkpoints")).step == whole);
    }
  }
  CHECK(has_failed_after_manifest);
}

// Every operation's name and path, on a real disk.
class Diary : public nn::Disk {
 public:
  std::vector<std::string> lines;
  void sync(const fs::path& path) override { note("sync ", path), nn::Disk::sync(path); }
  void rename(const fs::path& from, const fs::path& to) override {
    note("rename ", to), nn::Disk::rename(from, to);
  }
  void remove(const fs::path& path) override { note("remove ", path), nn::Disk::remove(path); }

 private:
  void note(const char* what, const fs::path& path) {
    lines.push_back(what + path.parent_path().filename().string() + '/' + path.filename().string());
  }
};

TEST_CASE("once the new checkpoint is safe, old ones go, the oldest first, each manifest first") {
  const tools::TemporaryFolder temporary;
  for (const int step : {1, 2}) {
    CheckpointFolder of_this_step(temporary.path / "all");
    of_this_step.newest([](const std::string&) {});
    save(of_this_step, step);
  }
  const auto disk = std::make_shared<Diary>();
  CheckpointFolder folder(temporary.path / "all", disk);  // knows of no previous one
  const auto weights = folder.write(3, "weights", weights_of(3));
  disk->lines.clear();
  folder.complete(3, {weights}, {});
  const std::vector<std::string>& lines = disk->lines;
  const auto at = [&](const std::string& line) {
    CAPTURE(line);
    const auto found = std::ranges::find(lines, line);
    REQUIRE(found != lines.end());
    return found - lines.begin();
  };
  CHECK(at("sync all/step-3") == at("rename step-3/manifest.txt") + 1);
  CHECK(at("sync all/step-3") < at("remove step-1/manifest.txt"));
  for (const std::string step : {"step-1", "step-2"}) {
    CHECK(at("remove " + step + "/manifest.txt") < at("remove " + step + "/weights"));
    CHECK(at("remove " + step + "/weights") < at("remove all/" + step));
  }
  CHECK(at("remove all/step-1") < at("remove step-2/manifest.txt"));
}

TEST_CASE("a loss of power at any moment leaves the last checkpoint or the one before it") {
  for (int seed = 0; seed < 12; ++seed)
    each_fault(FaultyDisk::Fault::power,
               [&](FaultyDisk& disk, CheckpointFolder& folder, int begun, int saved) {
                 CAPTURE(seed);
                 disk.lose_power(seed == 0   ? FaultyDisk::Survival::none
                                 : seed == 1 ? FaultyDisk::Survival::all
                                             : FaultyDisk::Survival::some,
                                 seed);
                 const Loaded loaded = load(folder);
                 CHECK((loaded.step == saved || loaded.step == begun));
                 CHECK(loaded.damage.empty());
               });
}
