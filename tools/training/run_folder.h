#pragma once

#include <filesystem>
#include <list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "nn/folder_lock.h"

namespace training {

// The folder of a run's results. It belongs to one run, from that run's first step on: what an
// earlier run has left moves into a folder of its own, the one with the highest number last.
//
//   OUT/run.json      which run this is, and how it was started, each time
//   OUT/loss.csv      and the other results
//   OUT/earlier-1/    the results of an earlier run
class RunFolder {
 public:
  // `locks`: the run has its folder, and one of checkpoints that is not in it, for itself, as long
  // as this object lives. Throws nn::InputError if nothing can be written there, or if another run
  // has it.
  RunFolder(std::filesystem::path folder, const std::filesystem::path& checkpoints, bool locks);

  // Throws nn::InputError if a folder or its lock was removed meanwhile.
  void require_held() const;

  // The run whose results are there; empty if there are none, or if they do not say.
  std::string run() const;
  bool has_model() const;

  // Makes the folder this run's. Returns where results of another run were moved to; empty if there
  // were none. Throws nn::InputError if they cannot be moved: then none is lost.
  std::filesystem::path begin(const std::string& run);

  // Adds a start of this run to run.json: the command line, the engine, the options, the first step.
  void add_start(const nlohmann::ordered_json& start);

 private:
  std::filesystem::path set_aside();

  std::filesystem::path folder_;
  std::list<nn::FolderLock> locks_;
  bool locks_own_;
  std::optional<nn::FolderLock> own_lock_;  // of checkpoints in the folder, from its first step on
};

// Where a run of this folder saves its checkpoints, unless it is told otherwise.
std::filesystem::path own_checkpoints(const std::filesystem::path& folder);
bool is_own(const std::filesystem::path& checkpoints, const std::filesystem::path& folder);

// Throws nn::InputError for a path in the folder's results: it would move while the run uses it.
void require_not_in_results(const std::filesystem::path& path, const std::filesystem::path& folder);

// A name for a new run: 13 hexadecimal digits, no two alike.
std::string new_run();

}  // namespace training
