#pragma once

#include "pipeline/training_config.h"

namespace training {

// The memory, in bytes, that all ranks of a run need together for everything that grows with its
// options. A lower bound: whatever is small is omitted.
struct MemoryNeeds {
  double weights = 0;      // with gradients and Adam's moments
  double activations = 0;  // of the layers
  double scores = 0;       // the head's logits of every token of the vocabulary

  double sum() const { return weights + activations + scores; }
};
MemoryNeeds memory_needs(const pipeline::TrainingConfig& config);

// Throws nn::InputError if a machine with this many bytes cannot hold all ranks, naming the largest
// part and the options that reduce it.
void require_memory(const pipeline::TrainingConfig& config, double bytes);

double memory_of_this_machine();  // in bytes

}  // namespace training
