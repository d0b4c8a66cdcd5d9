#pragma once

#include <span>

#include "nn/random.h"
#include "nn/real.h"

namespace nn {

struct Sampling {
  double temperature = 1;
  // Below 1, draws only from the nucleus: the smallest set of most likely tokens whose
  // probabilities add up to top_p (Holtzman et al. 2020, section 3.1).
  double top_p = 1;
  int top_k = 0;  // draws only from the k most likely tokens, before top_p; 0: from all
};

// Draws a token from softmax(logits / temperature). Temperature 0 takes the largest logit, the
// first of equal ones. A score of -infinity excludes a token. Throws Error if a score is NaN or
// every token is excluded.
int sample(std::span<const real> logits, const Sampling& sampling, Generator& generator);

}  // namespace nn
