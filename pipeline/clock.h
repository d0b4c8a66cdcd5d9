#pragma once

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/trace.h"

namespace pipeline {

constexpr int clock_questions = 8;  // to rank 0, from each other rank

// Seconds to add to this rank's clock to get rank 0's, from the quickest of a few
// questions and answers (Cristian 1989). Every rank must call it at the same point. On one machine
// it is a few microseconds at most.
double offset_to_rank_0(Mailbox& mailbox, const std::function<double()>& clock = wall_time);

}  // namespace pipeline
