#pragma once

#include <vector>

#include "pipeline/schedules/room.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/simulate.h"

namespace pipeline {

// Adds the weights to lists of forwards and backwards, where stages would otherwise be idle: in a
// simulation without message times, a stage does the weights of its oldest backward whenever its
// list cannot go on. That is when an input is not there yet, or when a forward would make it hold
// more than its room allows. Throws std::invalid_argument if lists wait for each other, or if a
// stage must hold more before its next backward.
std::vector<Schedule> with_deferred_weights(const Placement& placement, int microbatches,
                                            const std::vector<Schedule>& lists,
                                            const std::vector<Room>& rooms,
                                            const StageCosts& costs);

}  // namespace pipeline
