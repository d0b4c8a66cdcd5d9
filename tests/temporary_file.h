#pragma once

#include <fstream>
#include <string_view>

#include "tools/program/temporary_folder.h"

// A file in a folder of its own, removed when the test ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content = "") {
    std::ofstream(path_, std::ios::binary) << content;  // thousands of them: not synced
  }
  operator const std::filesystem::path&() const { return path_; }

 private:
  const tools::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path / "file";
};
