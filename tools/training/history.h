#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pipeline/members/epoch.h"
#include "tools/training/course.h"

namespace training {

// Adds a row to members.csv for an epoch of an elastic run, once its first step is done. On rank 0.
class History {
 public:
  History(const std::filesystem::path& folder, const pipeline::Epoch& epoch, int stages)
      : file_(folder / "members.csv"), epoch_(epoch), stages_(stages) {}

  // Throws nn::InputError if it cannot write.
  void after_step(int done, const Course& course);

 private:
  std::filesystem::path file_;
  const pipeline::Epoch& epoch_;
  int stages_;
  bool is_written_ = false;
};

// The pipelines of each epoch by its first step, from a members.csv. Where a run went back to a
// checkpoint, what it did before counts up to there. Throws nn::InputError for other files.
std::map<int, std::vector<int>> read_history(const std::filesystem::path& file);
std::map<int, std::vector<int>> parse_history(const std::string& text, const std::string& name);

}  // namespace training
