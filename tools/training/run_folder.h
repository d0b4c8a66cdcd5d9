#pragma once

#include <filesystem>
#include <list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "nn/base/folder_lock.h"

namespace training {

// The folder of a run's results. At its first step a run takes the folder over: the results of an
// earlier run are moved aside into a numbered folder.
//
//   OUT/run.json      the run's id, and each of its starts
//   OUT/loss.csv      and the other results
//   OUT/earlier-1/    the results of an earlier run
class RunFolder {
 public:
  // Whether this object, while it lives, locks the folder, and the checkpoint folder if that is
  // elsewhere. take_over: even if they are locked; the holder's require_held() then throws.
  enum class Locks { none, own, take_over };

  // Throws nn::InputError if a folder cannot be written or another run holds it.
  RunFolder(std::filesystem::path folder, const std::filesystem::path& checkpoints, Locks locks);

  // Throws nn::InputError if a folder or its lock has been removed.
  void require_held() const;

  // The id of the run whose results are in the folder; empty if there are none or it is unknown.
  std::string run() const;
  bool has_model() const;

  // Takes the folder over for this run. Returns the folder to which another run's results were
  // moved; empty if there were none. Throws nn::InputError if they cannot be moved; none are lost.
  std::filesystem::path begin(const std::string& run);

  // Records a start of this run in run.json: command line, engine, options, first step.
  void add_start(const nlohmann::ordered_json& start);

 private:
  std::filesystem::path set_aside();
  static void free(const std::filesystem::path& folder, Locks locks);

  std::filesystem::path folder_;
  std::list<nn::FolderLock> locks_;
  Locks own_;                               // of checkpoints in the folder
  std::optional<nn::FolderLock> own_lock_;  // of checkpoints in the folder, once it is taken over
};

// Where a run in this folder saves checkpoints by default.
std::filesystem::path own_checkpoints(const std::filesystem::path& folder);
bool is_own(const std::filesystem::path& checkpoints, const std::filesystem::path& folder);

// Throws nn::InputError for a path within the folder's results: it would be moved while in use.
void require_not_in_results(const std::filesystem::path& path, const std::filesystem::path& folder);

// A unique id for a new run: 13 hexadecimal digits.
std::string new_run();

}  // namespace training
