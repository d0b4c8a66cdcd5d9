#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "pipeline/schedule.h"

namespace pipeline {

// Schedules that cannot run together. The message is one line.
struct BadSchedule : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// The cost of one microbatch in one chunk, in seconds or any other unit. The first chunk of a stage
// has the costs of its share of a divided head.
struct Costs {
  double forward = 1, backward = 1, weights = 1, scores = 0, head = 0;

  double of(Work work) const {
    return std::array{forward, backward, weights, scores, head}[static_cast<std::size_t>(work)];
  }
  double sum() const { return forward + backward + weights + scores + head; }
};

using StageCosts = std::vector<std::vector<Costs>>;  // [stage][chunk]

StageCosts uniform_costs(int stages, int chunks, Costs costs = {});

struct Interval {
  Action action;
  double start, end;
};

// A simulated training step.
struct Timeline {
  std::vector<std::vector<Interval>> stages;  // [stage], in the order of its schedule
  double length = 0;                          // when the last stage is done

  double busy(int stage) const;
  double idle(int stage) const { return length - busy(stage); }
  double work() const;        // busy time of all stages
  double idle_share() const;  // of the time of all stages, 0 to 1
  // The most activations that the stage holds at once, each from its forward to its weights.
  int peak_in_flight(int stage) const;
};

// Runs the lists of all stages, each action as soon as its stage is free and its input has arrived;
// a message takes `message_time`, and none is needed within a stage. O(actions). Stages at work
// share `cores` evenly if there are more of them (0: enough cores); O(actions * stages). Throws
// BadSchedule if an action is missing, repeated, unknown or out of order on its stage, or if stages
// would deadlock; the message names them and what they wait for. Throws std::invalid_argument
// unless there are finite costs >= 0 for every stage and chunk.
Timeline simulate(const Plan& plan, const StageCosts& costs, double message_time = 0,
                  double cores = 0);

}  // namespace pipeline
