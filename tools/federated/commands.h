#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "tools/federated/command_line.h"

// The commands that hw1 and federated share.
namespace federated {

// Runs one experiment, prints its rounds and leaves the outputs. `stop` ends it after a round; then
// the rounds so far are kept and tools::Stopped is thrown.
void run_one(const std::string& program, const Experiment& experiment, const Resources& resources,
             const Outputs& outputs, const std::atomic<bool>& stop);

struct Comparison {
  std::filesystem::path reference;  // a table of results
  Experiment base;                  // what it does not say
  std::optional<int> rounds;        // at most
  double tolerance;                 // in percentage points
  std::filesystem::path out, kept;  // for the results, and for unfinished runs
};
// Runs what the table says; returns whether every round is within the tolerance.
bool compare(const Comparison& asked, const Resources& resources, const std::atomic<bool>& stop);

}  // namespace federated
