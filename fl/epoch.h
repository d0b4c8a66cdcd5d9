#pragma once

#include "fl/algorithm.h"

namespace fl {

// What PyTorch's DataLoader takes from the default generator at the start of every pass, shuffled
// or not: one 64-bit seed for its workers.
inline void start_pass(nn::Generator& generator) { generator.random_int64(); }

// One pass over the samples in the given order: a step of plain SGD per batch.
void train_pass(Worker& worker, const data::ImageSet& images, std::span<const int> samples,
                const LocalTraining& training, nn::Generator& generator);

}  // namespace fl
