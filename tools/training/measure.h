#pragma once

#include <functional>

#include "pipeline/cut.h"
#include "pipeline/training_config.h"

namespace training {

// Seconds that one microbatch takes in the embedding, a layer and the head with this many threads:
// the fastest of a few tries after a warm-up. Calls `pause`, which may throw, before each try.
pipeline::BlockCosts measure_blocks(const pipeline::TrainingConfig& config, int threads,
                                    const std::function<void()>& pause);

// Seconds that a rank would take for each byte that it receives in a ring, one half of which it
// adds to its own and the other half copies; an estimate for runs without rings.
double measure_adding();

}  // namespace training
