#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/tensor.h"

namespace nn {

// The shape of a LLaMA (Touvron et al. 2023); the defaults are the course's, 26,398,368 parameters.
struct LlamaConfig {
  index vocabulary = 32000;
  index d = 288;  // width of a token's vector
  index layers = 6;
  index heads = 6;
  index key_value_heads = 6;  // each shared by heads / key_value_heads queries
  index hidden = 1152;        // of the feed-forward network
  index context = 256;        // the longest sequence
  double theta = 10000;       // of the rotary embedding
  double epsilon = 1e-6;      // of the norms

  index head_size() const { return d / heads; }
  friend bool operator==(const LlamaConfig&, const LlamaConfig&) = default;
};

// Throws Error naming the first number that cannot be: heads that do not divide d, and so on.
void require_valid(const LlamaConfig& config);

// The configuration in a folder's config.json, as Hugging Face has it. Throws InputError naming a
// field that is missing, has a wrong value or asks for what our LLaMA cannot do (rotary scaling,
// biases, tied embeddings, ...).
LlamaConfig read_config(const std::filesystem::path& folder);
// The same from the JSON in it; complaints call it `name`.
LlamaConfig config_from_json(const nlohmann::json& object, const std::string& name);
// The text of config.json.
std::string config_text(const LlamaConfig& config);

}  // namespace nn
