#pragma once

#include <functional>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/trace.h"

namespace pipeline {

constexpr int clock_questions = 8;  // from each other rank to rank 0

// Seconds to add to this rank's clock to get rank 0's, from the fastest of a few round trips
// (Cristian 1989). Every rank must call it at the same point. On one machine the offset is a few
// microseconds at most.
double offset_to_rank_0(Mailbox& mailbox, const std::function<double()>& clock = wall_time);

}  // namespace pipeline
