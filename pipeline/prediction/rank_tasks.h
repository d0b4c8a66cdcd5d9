#pragma once

#include <vector>

#include "pipeline/prediction/step_work.h"
#include "pipeline/schedules/schedule.h"

namespace pipeline {

// An action of a rank's list, or the part of the last W that is one block's.
struct Task {
  Action action;
  double seconds;
  bool is_done_after = true;             // the action
  const BlockWork* completed = nullptr;  // whose gradients are complete after it
};

// What a stage's rank does in a step, in this order. The work must outlive it.
std::vector<Task> tasks_of(const StepWork& work, int stage);

}  // namespace pipeline
