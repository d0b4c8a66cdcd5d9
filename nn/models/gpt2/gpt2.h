#pragma once

#include "nn/models/language_model.h"

namespace nn {

// Radford et al. 2019: learned positions, LayerNorm before attention and feed-forward, GELU by
// tanh, biases everywhere; the head shares the embedding's weights. Without dropout.
ModelFamily gpt2_family();

}  // namespace nn
