#pragma once

#include <nlohmann/json_fwd.hpp>

#include "nn/models/config.h"
#include "nn/models/language_model.h"

namespace nn {

// Hugging Face's LlamaConfig, both ways.
void read_llama_config(const ConfigFields& fields, LanguageModelConfig& config);
nlohmann::ordered_json llama_config_json(const LanguageModelConfig& config);

}  // namespace nn
