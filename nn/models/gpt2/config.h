#pragma once

#include <nlohmann/json_fwd.hpp>

#include "nn/models/config.h"
#include "nn/models/language_model.h"

namespace nn {

// Hugging Face's GPT2Config, both ways.
void read_gpt2_config(const ConfigFields& fields, LanguageModelConfig& config);
nlohmann::ordered_json gpt2_config_json(const LanguageModelConfig& config);

}  // namespace nn
