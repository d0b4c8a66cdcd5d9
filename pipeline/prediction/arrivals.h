#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "pipeline/prediction/step_work.h"
#include "pipeline/schedules/schedule.h"

namespace pipeline {

// Which outputs of other actions each action takes, in some steps that follow each other, and when
// they arrive.
class Arrivals {
 public:
  // The work must outlive it.
  Arrivals(const StepWork& work, int steps);

  // When the last input of the stage's action arrives: 0 if it takes none, infinity if one has not
  // been sent.
  double of(int step, int stage, const Action& action) const;

  // Gives an action's output to all that take it. `send` says when so many bytes arrive at another
  // stage; within a stage they are there now.
  void give(int step, int stage, const Action& action, double now,
            const std::function<double(double bytes)>& send);

 private:
  struct Input {
    int missing = 0;
    double arrival = 0;
  };
  std::size_t at(int step, Work work, int part, int microbatch) const;

  const StepWork& work_;
  const Placement& placement_;
  std::vector<Input> inputs_;  // [step][work][part][microbatch]
};

}  // namespace pipeline
