#pragma once

#include <vector>

#include "pipeline/training_config.h"

namespace pipeline {

// The ranks that exchange messages with this one, in ascending order: rank 0, the recorder, its
// neighbours in the pipeline and in the ring of its stage group, and the other end of tied weights;
// with a split head the rank with the last part, and with shared moments the one that collects
// them. Their number grows only on rank 0, on the recorder, on the ranks with a last part, and on
// those that collect. If pipelines train alone, it grows on all: a rank is linked with its whole
// stage group, and if steps are judged with the judge of its pipeline.
std::vector<int> links_of(const TrainingConfig& config, int rank);

// The ranks that judge a step together with this one, for Gradients; the first one decides.
std::vector<int> judges_of(const TrainingConfig& config, int rank);

}  // namespace pipeline
