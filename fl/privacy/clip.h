#pragma once

#include <span>

#include "nn/random.h"
#include "nn/real.h"

namespace fl {

// The factor that bounds the L2 norm: min(1, bound / norm).
double clip_factor(std::span<const nn::real> values, double bound);

// Adds Gaussian noise; draws nothing if the standard deviation is 0.
void add_noise(std::span<nn::real> values, double stddev, nn::Generator& generator);

}  // namespace fl
