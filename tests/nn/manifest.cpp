#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "nn/base/file.h"
#include "nn/files/manifest.h"
#include "tests/complaint.h"
#include "tests/manifest_text.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using nn::Manifest, nn::SavedFile;

std::string complaint_about(const std::string& lines) {
  return complaint_of([&] { nn::parse_manifest(with_checksum(lines), "m"); });
}

// A folder of two files.
void save(const fs::path& folder) {
  nn::Disk disk;
  const std::string_view a = "of five words, says it", b = {};
  const SavedFile files[] = {nn::save_file(disk, folder, "b", {&a, 1}),
                             nn::save_file(disk, folder, "a", {&b, 1})};
  nn::save_manifest(disk, folder, {7, {{"seed", "3"}, {"empty", ""}}, {files[0], files[1]}});
}

}  // namespace

TEST_CASE("a manifest is written and read back") {
  const tools::TemporaryFolder folder;
  save(folder.path);
  CHECK(nn::read_file(folder.path / "manifest.txt") ==
        "manifest 2\nstep 7\nstate empty \nstate seed 3\nfile a 0 00000000\n"
        "file b 22 12500381\nchecksum c933cde4\n");
  const Manifest manifest = nn::read_manifest(folder.path);
  CHECK(manifest.step == 7);
  CHECK(manifest.state == nn::Metadata{{"seed", "3"}, {"empty", ""}});
  CHECK(manifest.files.size() == 2);
}

TEST_CASE("a manifest without a version is of version 1; a later one is named as such") {
  CHECK(nn::parse_manifest(with_checksum("step 4\nfile a 1 0\n"), "m").step == 4);
  CHECK(complaint_about("manifest 3\nwhatever comes\n") ==
        "m has version 3, but this program reads versions up to 2");
  for (const char* version : {"1", "0", "-1", "2.0", "", "two", "99999999999"})
    CHECK(contains(complaint_about(nn::concat("manifest ", version, "\nfile a 1 0\n")),
                   "m is damaged: its version"));
  CHECK(contains(complaint_about("file a 1 0\nmanifest 2\n"), "of an unknown kind"));
}

TEST_CASE("every line of a manifest must be one that we write, and occur once") {
  const auto complains = [](const char* line, const char* words) {
    CAPTURE(line);
    CHECK(contains(complaint_about(nn::concat("manifest 2\nstep 1\nstate a b\nfile a 1 0\n", line)),
                   words));
  };
  complains("", "nothing");
  complains("file a 1 0\n", "names a twice");
  complains("state a c\n", "is invalid or a duplicate");
  complains("state \n", "is invalid");
  complains("state\n", "is invalid");
  complains("state b \x01\n", "is invalid");
  complains("step 1\n", "its step");
  complains("step -1\n", "its step");
  complains("folder x\n", "of an unknown kind");
  complains("\n", "of an unknown kind");
  complains("file b 1\n", "not a file name, length and checksum");
  CHECK(contains(complaint_about("manifest 2\nstep 1\n"), "it names no file"));
  CHECK(contains(complaint_about(""), "it names no file"));
  for (const char* text : {"", "checksum", "checksum 00000000", "checksum 00000001\n"})
    CHECK(contains(complaint_of([&] { nn::parse_manifest(text, "m"); }), "its checksum is wrong"));
}

TEST_CASE("a manifest cannot name files outside its folder") {
  for (const char* line :
       {"../weights 1 0", "/etc/passwd 1 0", ".. 1 0", ".hidden 1 0", "a/b 1 0", "weights",
        "weights 1", "weights x 0", "weights 1 g", "weights 1 0 0", "weights -1 0", "weights +1 0",
        "weights 18446744073709551616 0", "weights 1 100000000", " 1 0"}) {
    CAPTURE(line);
    CHECK_THROWS_AS(nn::parse_saved_file(line), nn::Error);
  }
  const SavedFile file = nn::parse_saved_file("weights 18446744073709551615 0a");
  CHECK(file.bytes == ~std::uint64_t{0});
  CHECK(nn::to_text(file) == "weights 18446744073709551615 0000000a");
}

TEST_CASE("what could not be read back is not written") {
  const tools::TemporaryFolder folder;
  nn::Disk disk;
  const auto complains = [&](const Manifest& manifest) {
    CHECK_THROWS_AS(nn::save_manifest(disk, folder.path, manifest), nn::Error);
    CHECK(fs::is_empty(folder.path));
  };
  complains({{}, {}, {}});
  complains({{}, {{"two words", "x"}}, {{"a", 0, 0}}});
  complains({{}, {{"a", "two\nlines"}}, {{"a", 0, 0}}});
  complains({{}, {}, {{"a b", 0, 0}}});
  complains({{}, {}, {{"a", 0, 0}, {"a", 0, 0}}});
}

TEST_CASE("a file that differs from the manifest is named") {
  const tools::TemporaryFolder folder;
  const fs::path a = folder.path / "a", manifest = folder.path / "manifest.txt";
  const auto complaint = [&] { return complaint_of([&] { nn::read_manifest(folder.path); }); };
  save(folder.path);
  CHECK(complaint() == "nothing");
  std::ofstream(folder.path / "b") << "of five words, says IT";
  CHECK(complaint() == (folder.path / "b").string() + " is damaged: its checksum is wrong");
  fs::remove(a);
  CHECK(complaint() == a.string() + " is damaged: it is missing");
  fs::create_directory(a);
  CHECK(complaint() == a.string() + " is damaged: it is not a file");
  fs::remove(a);
  REQUIRE(mkfifo(a.c_str(), 0600) == 0);  // without a writer
  CHECK(complaint() == a.string() + " is damaged: it is not a file");
  fs::remove(manifest);
  CHECK(contains(complaint(), "cannot read " + manifest.string()));
  REQUIRE(mkfifo(manifest.c_str(), 0600) == 0);
  CHECK(contains(complaint(), "cannot read " + manifest.string()));
  fs::remove(manifest);
  fs::create_symlink("manifest.txt", manifest);
  CHECK(contains(complaint(), "cannot read " + manifest.string()));
}

TEST_CASE("a fact is a whole number or an error that names it") {
  CHECK(nn::whole_number({{"a", "12"}}, "a") == 12);
  for (const char* text : {"", "abc", "-1", "1.5", "12 ", "2147483648", "0x1"})
    CHECK_THROWS_AS(nn::whole_number({{"a", text}}, "a"), nn::Error);
  CHECK_THROWS_AS(nn::whole_number({}, "a"), nn::Error);
}
