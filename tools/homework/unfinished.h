#pragma once

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "nn/folder_lock.h"
#include "tools/homework/saved_run.h"

namespace homework {

// The runs of a command that is not over yet, so that the same command goes on with them after
// whatever has ended it: a SavedRun for each in a folder of its name.
class Unfinished {
 public:
  // `log` hears that there is something to go on with. Throws nn::InputError if another process has
  // the folder.
  Unfinished(std::filesystem::path folder, std::ostream& log);
  // Leaves no folder behind that has no run in it.
  ~Unfinished();

  std::unique_ptr<SavedRun> open(const std::string& run);

  // Removes the runs that were opened: their results are elsewhere now. What the command left with
  // other settings stays.
  void remove_opened();

 private:
  std::filesystem::path folder_;
  nn::FolderLock lock_;
  std::ostream& log_;
  bool has_said_ = false;
  std::vector<std::filesystem::path> opened_;
};

}  // namespace homework
