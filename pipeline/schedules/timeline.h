#pragma once

#include <vector>

#include "pipeline/schedules/schedule.h"

namespace pipeline {

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
  // The same with the size that an activation has in each chunk.
  double peak_held(int stage, const std::vector<double>& sizes) const;
};

}  // namespace pipeline
