#pragma once

#include <string>

#include "nn/model.h"
#include "nn/precision.h"
#include "pipeline/training_config.h"

namespace ranks {

// How a client's model is cut into stages, each on a rank of its own.
struct Cutting {
  int stages = 1;  // not at all
  std::string schedule = "1f1b";
};

// What the pipelines of a federation with so many ranks compute. Throws nn::InputError for a model
// that cannot be cut.
pipeline::TrainingConfig config_of(const nn::Model& model, const Cutting& cutting, int ranks,
                                   nn::Precision precision);

}  // namespace ranks
