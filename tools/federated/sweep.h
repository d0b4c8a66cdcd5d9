#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/program/config.h"

// Every combination of lists of options, each a run of its own.
namespace federated {

struct SweepRun {
  std::vector<std::pair<std::string, std::string>> varied;  // the options that have several values
  std::vector<std::string> arguments;                       // of bin/federated run

  std::string name() const;           // "algorithm=fedprox,mu=0.1,seed=1", a folder's name
  std::string configuration() const;  // the same without the seed
  std::optional<double> target() const;
};

// A list is swept, but for one of columns, which is a value of --categorical. Throws nn::InputError
// for an option that a sweep sets itself, or above 10,000 runs.
std::vector<SweepRun> grid(const std::vector<tools::ConfigEntry>& entries);

struct Sweep {
  std::vector<SweepRun> runs;
  std::filesystem::path out;
  int jobs;  // at once, one thread each

  // OUT/runs/NAME, which has the run's checkpoint, table, picture of the split and log.
  std::filesystem::path folder_of(const SweepRun& run) const;
};

// Completes all runs as processes of this program, and leaves results.csv (every round of every
// run), summary.csv (mean and deviation over the seeds) and report.html. Killed at any moment, the
// same sweep goes on; a completed run is not run again, and with more --rounds it goes on. Throws
// tools::Stopped after a signal, and nn::InputError if a run failed, once the others are completed.
void run_sweep(const Sweep& sweep, const std::atomic<bool>& stop);

}  // namespace federated
