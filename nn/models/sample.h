#pragma once

#include <span>

#include "nn/random.h"
#include "nn/real.h"

namespace nn {

// Draws a token from softmax(logits / temperature). Temperature 0 takes the largest logit, the
// first of equal ones. With top_p below 1, draws only from the nucleus: the smallest set of most
// likely tokens whose probabilities add up to top_p (Holtzman et al. 2020, section 3.1). A score of
// -infinity excludes a token. Throws Error if a score is NaN or every token is excluded.
int sample(std::span<const real> logits, double temperature, double top_p, Generator& generator);

}  // namespace nn
