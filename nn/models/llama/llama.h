#pragma once

#include "nn/models/language_model.h"

namespace nn {

// Touvron et al. 2023: rotary positions, RMSNorm before attention and feed-forward, SwiGLU, no
// biases. Key/value heads may be shared (Ainslie et al. 2023).
ModelFamily llama_family();

}  // namespace nn
