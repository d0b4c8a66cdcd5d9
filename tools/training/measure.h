#pragma once

#include <functional>

#include "pipeline/training_config.h"

namespace training {

// Seconds of one microbatch in the embedding, in a layer and in the head, on this machine now with
// this many threads: the quickest of a few tries after one to warm up. Calls `pause` between tries,
// which may throw.
pipeline::BlockCosts measure_blocks(const pipeline::TrainingConfig& config, int threads,
                                    const std::function<void()>& pause);

}  // namespace training
