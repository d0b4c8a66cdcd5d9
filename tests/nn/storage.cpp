#include "nn/base/storage.h"

#include <doctest/doctest.h>

#include "nn/base/file.h"
#include "tests/faulty_disk.h"
#include "tools/program/temporary_folder.h"

namespace {

void replace(nn::Storage& disk, const std::filesystem::path& file, std::string_view content) {
  nn::replace_file(disk, file, {&content, 1});
}

}  // namespace

TEST_CASE(
    "a replacement that fails leaves the old file, or the new one if only its folder's sync "
    "fails") {
  constexpr int operations_of_one = 4;  // write, sync, rename, sync of the folder
  for (auto fault : {FaultyDisk::Fault::error, FaultyDisk::Fault::half_written})
    for (int n = 0; n < operations_of_one; ++n) {
      CAPTURE(n);
      const tools::TemporaryFolder folder;
      FaultyDisk disk(folder.path, operations_of_one + n, fault);
      replace(disk, folder.path / "file", "old");
      CHECK_THROWS_AS(replace(disk, folder.path / "file", "new"), std::system_error);
      const bool is_last = n == operations_of_one - 1;
      CHECK(nn::read_file(folder.path / "file") == (is_last ? "new" : "old"));
      CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);

      disk.lose_power(FaultyDisk::Survival::none, 0);
      CHECK(nn::read_file(folder.path / "file") == "old");
    }
}
