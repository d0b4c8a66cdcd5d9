#pragma once

#include <vector>

#include "pipeline/training_config.h"

namespace pipeline {

// The ranks that exchange messages with this one, in ascending order: rank 0, the recorder, its
// neighbours in the pipeline and in the ring of its stage group, and the other end of tied weights;
// with a divided head the rank with the last part, and with shared moments the one that collects
// them. Their number grows only on rank 0, on the recorder, on the ranks with a last part, and on
// those that collect.
std::vector<int> links_of(const TrainingConfig& config, int rank);

}  // namespace pipeline
