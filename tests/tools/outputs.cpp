#include "tools/federated/outputs.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "nn/base/file.h"
#include "tests/complaint.h"
#include "tools/program/temporary_folder.h"

namespace {

std::string refused(const federated::Outputs& outputs) {
  return complaint_of([&] { federated::check(outputs); });
}

}  // namespace

TEST_CASE("two outputs of a run are not written to one place, however it is spelled") {
  const tools::TemporaryFolder folder;
  std::filesystem::create_symlink(folder.path, folder.path / "again");
  const std::string a = folder.path / "a.csv";
  CHECK(refused({.csv = a, .json = a}) == a + " cannot be both CSV and JSON");
  CHECK(contains(refused({.csv = a, .json = folder.path / "again" / "a.csv"}), "CSV and JSON"));
  CHECK(contains(refused({.csv = a, .partition_svg = a}), "CSV and the picture of the split"));
  CHECK(contains(refused({.json = a, .tensorboard = a}), "JSON and the folder for TensorBoard"));
  CHECK(contains(refused({.csv = a, .checkpoint = a}), "CSV and the folder of the checkpoint"));
  CHECK(refused({.csv = "/dev/null", .partition_svg = "/dev/null"}) == "nothing");
}

TEST_CASE("the JSON that a CSV is given without being asked has a place of its own, too") {
  const tools::TemporaryFolder folder;
  const std::string a = folder.path / "a.csv", beside = folder.path / "a.csv.json";
  CHECK(
      contains(refused({.csv = a, .partition_svg = beside}), "JSON and the picture of the split"));
  const std::string other = folder.path / "other.json";
  CHECK(refused({.csv = a, .json = other, .partition_svg = beside}) == "nothing");
  nn::write_file_atomically(beside, "of an earlier run\n");
  CHECK(contains(refused({.csv = a, .json = other, .partition_svg = beside}), "cannot be both"));
  CHECK(refused({.csv = a, .json = beside}) == "nothing");
}

TEST_CASE("a checkpoint and the events may share a folder") {
  CHECK(refused({.tensorboard = "out/run", .checkpoint = "out/run"}) == "nothing");
}
