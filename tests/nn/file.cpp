#include "nn/base/file.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("a file is replaced in one step and no temporary file stays behind") {
  const tools::TemporaryFolder folder;
  const fs::path path = folder.path / "new" / "results.csv";
  nn::write_file_atomically(path, "old");
  nn::write_file_atomically(path, std::string("a\0b", 3));
  CHECK(content_of(path) == std::string("a\0b", 3));
  nn::require_writable_folder(path.parent_path());
  CHECK(std::distance(fs::directory_iterator(path.parent_path()), {}) == 1);
}

TEST_CASE("writing through a symbolic link keeps the link") {
  const tools::TemporaryFolder folder;
  nn::write_file_atomically(folder.path / "file", "old");
  fs::create_symlink(folder.path / "file", folder.path / "link");
  nn::write_file_atomically(folder.path / "link", "new");
  CHECK(fs::is_symlink(folder.path / "link"));
  CHECK(content_of(folder.path / "file") == "new");
}

TEST_CASE(
    "asking whether a file can be written leaves nothing behind and says what is in the way") {
  const tools::TemporaryFolder folder;
  const fs::path file = folder.path / "new" / "results.csv";
  nn::require_writable_file(file);
  CHECK(fs::is_empty(file.parent_path()));
  nn::require_writable_file("/dev/null");
  fs::create_symlink(folder.path / "loop", folder.path / "loop");
  CHECK(contains(complaint_of([&] { nn::require_writable_file(folder.path / "loop"); }),
                 "cannot write"));
  nn::write_file_atomically(file, "x");
  CHECK(contains(complaint_of([&] { nn::require_writable_file(file / "a"); }), "cannot write"));
  for (const fs::path& bad : {folder.path, folder.path / "new" / ""})
    CHECK(contains(complaint_of([&] { nn::require_writable_file(bad); }), "it is a folder"));
  for (const int length : {250, 300, 5000})  // with 250 there is none for the temporary one
    CHECK(contains(
        complaint_of([&] { nn::require_writable_file(folder.path / std::string(length, 'n')); }),
        "name too long"));
}

TEST_CASE("a place that cannot be written is an input error with a hint") {
  const tools::TemporaryFolder folder;
  const fs::path file = folder.path / "file";
  nn::write_file_atomically(file, "x");
  for (const fs::path& bad : {file / "out.csv", file / "deep" / "out.csv", folder.path}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(nn::write_file_atomically(bad, "y"), nn::InputError);
  }
  CHECK_THROWS_AS(nn::require_writable_folder(file), nn::InputError);
  CHECK(contains(complaint_of([&] { nn::require_writable_folder(file / "out"); }), "cannot write"));
  CHECK(content_of(file) == "x");
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);
}

}  // namespace
