#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/federated/sweep.h"

// What the runs of a sweep have come to.
namespace federated {

// In each run's folder. Beside it, results.csv.json has everything that was measured.
constexpr const char *run_table = "results.csv", *split_picture = "split.svg", *done_file = "done";

using Cells = std::map<std::string, std::string>;  // by column

// A run and the rows of its table, at least one.
struct RunRows {
  const SweepRun* run;
  std::vector<Cells> rounds;
  bool has_diverged = false;

  std::vector<double> accuracies() const;  // NaN of rounds that were not tested
  std::map<int, double> tests() const;     // the others, by round
};

struct SweepResults {
  std::vector<std::string> columns;  // in the order in which the tables name them first
  std::vector<RunRows> runs;         // those that have results
};

// The sweep must outlive the results.
SweepResults results_of(const Sweep& sweep);

// How long a complete run took, by what it has left in its folder; nothing if it is not there.
std::optional<double> seconds_of(const std::filesystem::path& folder);
// Its confusion matrix, in the same way: that of a run with an attack.
std::optional<std::vector<int>> confusion_of(const std::filesystem::path& folder);

// Mean and sample standard deviation, which is 0 of one value.
struct Moments {
  explicit Moments(const std::vector<double>& values);
  double mean = 0, deviation = 0;
};

// The runs of a configuration, one for each seed.
struct Group {
  std::vector<const RunRows*> runs;

  // Over the runs: of the last round, and of the best one.
  Moments last() const;
  Moments best() const;
  // What the column has in the rounds that reach the target, of the runs that reach it; "Round" is
  // in which.
  std::vector<double> at_target(const std::string& column) const;
  std::ptrdiff_t diverged() const;  // how many of them
};

using Groups = std::vector<std::pair<std::string, Group>>;  // by configuration, in order

Groups groups_of(const std::vector<RunRows>& runs);

}  // namespace federated
