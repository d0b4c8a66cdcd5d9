#pragma once

#include <filesystem>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/base/folder_lock.h"
#include "tools/federated/saved_run.h"

namespace federated {

// Where the runs of a command with this folder for its results are kept until it is over.
std::filesystem::path kept_runs(const std::filesystem::path& out, const std::string& command,
                                std::optional<int> rounds);

// The runs of an unfinished command: a SavedRun for each, in a folder of its name. However the
// command ended, the same command goes on with them.
class Unfinished {
 public:
  // Writes to `log` if there are rounds to go on with. Throws nn::InputError if another process has
  // the folder.
  Unfinished(std::filesystem::path folder, std::ostream& log);
  // Removes the folder if there is no run in it.
  ~Unfinished();

  std::unique_ptr<SavedRun> open(const std::string& run);

  // Removes the runs that were opened: their results are now elsewhere. Runs with other settings
  // stay.
  void remove_opened();

 private:
  std::filesystem::path folder_;
  nn::FolderLock lock_;
  std::ostream& log_;
  bool has_said_ = false;
  std::vector<std::filesystem::path> opened_;
};

}  // namespace federated
