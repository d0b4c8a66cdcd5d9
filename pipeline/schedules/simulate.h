#pragma once

#include "pipeline/schedules/costs.h"
#include "pipeline/schedules/list_rules.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/timeline.h"

namespace pipeline {

// Runs the lists of all stages, each action as soon as its stage is free and its input has arrived;
// a message takes `message_time`, and none is needed within a stage. O(actions). Stages at work
// share `cores` evenly if there are more of them (0: enough cores); O(actions * stages). Throws
// BadSchedule if an action is missing, repeated, unknown or out of order on its stage, or if stages
// would deadlock; the message names them and what they wait for. Throws std::invalid_argument
// unless there are finite costs >= 0 for every stage and chunk.
Timeline simulate(const Plan& plan, const StageCosts& costs, double message_time = 0,
                  double cores = 0);

}  // namespace pipeline
