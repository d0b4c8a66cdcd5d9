#pragma once

#include <vector>

#include "pipeline/training_config.h"

namespace pipeline {

// The ranks that exchange messages with this one: rank 0, the recorder, the neighbours in its
// pipeline, those beside it in the ring of its stage group, the other end of tied weights, the
// stages among which its head is divided and, with shared moments, the ranks that collect them. In ascending order. Their number grows only on rank
// 0, on the recorder and on the collecting ranks.
std::vector<int> links_of(const TrainingConfig& config, int rank);

}  // namespace pipeline
