#pragma once

#include <climits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/training_config.h"
#include "tests/faulty_disk.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/simulated_training.h"

namespace pipeline {

// A fault befalls a rank when it looks into its mailbox for the n-th time in a phase of its run.
struct Fault {
  int kind = 0;  // of the table in scenario.cpp: see kind_named()
  int rank = 0, other = 0;
  Phase phase = {};
  int look = 0;
  bool operator==(const Fault&) const = default;

  void befall(SimulatedNetwork& network) const;
  bool is_harmless() const;  // no rank may fail
  bool is_of_folders() const;
  std::set<int> culprits() const;  // the ranks that others may miss
  std::string text() const;
};

int kind_named(std::string_view name);

// What happens at a start of a run.
struct Start {
  std::vector<Fault> faults = {};
  int disk_operation = INT_MAX;  // that goes wrong
  FaultyDisk::Fault disk_fault = {};
  int told_to_stop = -1;  // a rank, after so many steps
  int steps = 0;
};

// What a seed decides. The last start has no fault that ends it.
struct Scenario {
  TrainingConfig config;
  SimulatedTraining::Newcomers newcomers = {};
  std::map<int, std::vector<int>> plan = {};  // the history of an elastic training
  SimulatedNetwork::Weather weather;
  std::vector<Start> starts;

  std::string text() const;
};

Scenario draw_scenario(Dice& dice);

}  // namespace pipeline
