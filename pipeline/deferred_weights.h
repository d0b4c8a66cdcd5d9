#pragma once

#include <vector>

#include "pipeline/schedule.h"

namespace pipeline {

// Adds the weights to lists of forwards and backwards, where stages would otherwise be idle: in a
// simulation in which every action takes one unit of time and messages none, a stage does the
// weights of its oldest backward whenever its list cannot go on. That is when an input is not there
// yet, or when a forward would make it hold more than `most_held` activations, each of one chunk.
// A stage that holds that many must have some whose backward is done, or std::invalid_argument is
// thrown, as it is if lists wait for each other.
std::vector<Schedule> with_deferred_weights(const Placement& placement, int microbatches,
                                            const std::vector<Schedule>& lists, int most_held);

}  // namespace pipeline
