#pragma once

#include "tools/training/rank.h"

namespace training {

// A rank of a run whose pipelines may leave and come; see pipeline/members/members.h. The process
// keeps its state in memory while others are lost, and starts anew with that of others if its own
// pipeline was lost. `options.rank` is its seat. As run_rank().
bool run_elastic_rank(RankOptions options);

}  // namespace training
