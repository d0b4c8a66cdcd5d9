#pragma once

#include <filesystem>
#include <string>

#include "tools/training/rank.h"

namespace training {

// A file in which rank 0 names its run, while this object lives, so that the others can tell
// whether they see the same folder: a checkpoint has files of all ranks.
class FolderMark {
 public:
  FolderMark(const RankOptions& options, const std::string& run);
  ~FolderMark();
  FolderMark(const FolderMark&) = delete;
  FolderMark& operator=(const FolderMark&) = delete;

  // On another rank. Throws nn::InputError if there is no such file.
  static void require(const RankOptions& options, const std::string& run);

 private:
  std::filesystem::path file_;
  std::filesystem::file_time_type written_;
};

}  // namespace training
