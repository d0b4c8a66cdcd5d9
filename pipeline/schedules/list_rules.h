#pragma once

#include <stdexcept>

#include "pipeline/schedules/schedule.h"

namespace pipeline {

// Schedules that cannot run together. The message is one line.
struct BadSchedule : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// Checks what each stage's list promises by itself: every action once, each in order. Throws
// BadSchedule, naming the stage and the action at fault.
void require_lists(const Plan& plan);

}  // namespace pipeline
