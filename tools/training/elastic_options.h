#pragma once

#include "pipeline/members/members.h"
#include "tools/training/rank.h"

namespace training {

// Throws nn::InputError for options that an elastic run cannot have.
void require_elastic(const RankOptions& options);

// Where and for what the processes of an elastic run agree. Throws nn::InputError for a history
// that cannot be read.
pipeline::Members::Options members_options(const RankOptions& options);

}  // namespace training
