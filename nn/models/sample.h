#pragma once

#include <span>

#include "nn/random.h"

namespace nn {

// Draws a token from softmax(logits / temperature); temperature 0 takes the first of the largest.
// With top_p in (0, 1) only from the nucleus: the fewest most likely tokens whose probabilities
// reach top_p together (Holtzman et al. 2020, section 3.1); 1 allows all. A score of -infinity
// rules a token out. Throws Error if the scores are not numbers or rule every token out.
int sample(std::span<const real> logits, double temperature, double top_p, Generator& generator);

}  // namespace nn
