#pragma once

#include <filesystem>
#include <list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "nn/base/folder_lock.h"

namespace training {

// The folder of a run's results. From its first step on a run has the folder to itself: the results
// of an earlier run are moved aside into a folder of their own, numbered in order.
//
//   OUT/run.json      the run's id, and each of its starts
//   OUT/loss.csv      and the other results
//   OUT/earlier-1/    the results of an earlier run
class RunFolder {
 public:
  // `locks`: whether this object, while it lives, locks the folder, and the one of checkpoints if
  // it is elsewhere. Throws nn::InputError if nothing can be written there, or if another run has
  // it.
  RunFolder(std::filesystem::path folder, const std::filesystem::path& checkpoints, bool locks);

  // Throws nn::InputError if a folder or its lock has been removed.
  void require_held() const;

  // The id of the run whose results are there; empty if there are none or their run is unknown.
  std::string run() const;
  bool has_model() const;

  // Takes the folder for this run. Returns where another run's results were moved to; empty if
  // there were none. Throws nn::InputError if they cannot be moved; none is lost then.
  std::filesystem::path begin(const std::string& run);

  // Records a start of this run in run.json: command line, engine, options, first step.
  void add_start(const nlohmann::ordered_json& start);

 private:
  std::filesystem::path set_aside();

  std::filesystem::path folder_;
  std::list<nn::FolderLock> locks_;
  bool locks_own_;
  std::optional<nn::FolderLock> own_lock_;  // of checkpoints in the folder, from its first step on
};

// Where a run in this folder saves its checkpoints by default.
std::filesystem::path own_checkpoints(const std::filesystem::path& folder);
bool is_own(const std::filesystem::path& checkpoints, const std::filesystem::path& folder);

// Throws nn::InputError for a path in the folder's results: it would move while the run uses it.
void require_not_in_results(const std::filesystem::path& path, const std::filesystem::path& folder);

// A unique id for a new run: 13 hexadecimal digits.
std::string new_run();

}  // namespace training
