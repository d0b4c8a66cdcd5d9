#pragma once

#include <stdexcept>
#include <vector>

#include "pipeline/schedule.h"

namespace pipeline {

// Schedules that cannot run together. The message is one line.
struct BadSchedule : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// Of one microbatch in one chunk: seconds, or ticks of any length.
struct Costs {
  double forward = 1, backward = 1, weights = 1;

  double of(Work work) const {
    return work == Work::forward ? forward : work == Work::backward ? backward : weights;
  }
  double sum() const { return forward + backward + weights; }
};

using StageCosts = std::vector<std::vector<Costs>>;  // [stage][chunk]

StageCosts uniform_costs(int stages, int chunks, Costs costs = {});

struct Interval {
  Action action;
  double start, end;
};

// One training step as it would run.
struct Timeline {
  std::vector<std::vector<Interval>> stages;  // [stage], in the order of its schedule
  double length = 0;                          // until the last stage is done

  double busy(int stage) const;
  double idle(int stage) const { return length - busy(stage); }
  double work() const;        // of all stages
  double idle_share() const;  // of all stages' time, 0 to 1
  // The most activations that the stage holds at once: forwards whose weights are yet to come.
  int peak_in_flight(int stage) const;
};

// Runs all stages' lists (schedules[stage]), each action as soon as its stage is free and its input
// is there; `message_time` passes between one stage and another. O(actions). With fewer `cores`
// than stages at work (0: there are enough) these share them evenly; O(actions * stages). Throws
// BadSchedule if an action is missing, doubled, unknown or out of order on its stage, or if stages
// would wait for each other for ever; the message names them and what they wait for. Throws
// std::invalid_argument if there are not finite costs >= 0 for every stage and chunk.
Timeline simulate(const std::vector<Schedule>& schedules, int microbatches, int chunks,
                  const StageCosts& costs, double message_time = 0, double cores = 0);

}  // namespace pipeline
