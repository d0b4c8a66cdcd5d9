#include "nn/models/llama/config.h"

#include "nn/models/config.h"
#include "nn/models/language_model.h"
#include "nn/real.h"

namespace nn {

namespace {

// Only the plain rotary embedding, without scaling for long contexts. Older files have rope_theta
// and rope_scaling, newer ones have both in rope_parameters.
double read_theta(const ConfigFields& fields) {
  double theta = fields.positive("rope_theta", LanguageModelConfig{}.theta);
  for (const char* field : {"rope_scaling", "rope_parameters"}) {
    const ConfigFields rope = fields.inside(field);
    rope.allow_only("rope_type", "default");
    rope.allow_only("type", "default");
    rope.allow_only("factor", 1);
    rope.allow_only("partial_rotary_factor", 1);
    theta = rope.positive("rope_theta", theta);
  }
  return theta;
}

}  // namespace

void read_llama_config(const ConfigFields& fields, LanguageModelConfig& config) {
  fields.allow_only("hidden_act", "silu");
  fields.allow_only("attention_bias", false);
  fields.allow_only("mlp_bias", false);
  fields.allow_only("partial_rotary_factor", 1);
  if (fields.has("tie_word_embeddings") && fields.get("tie_word_embeddings") != false)
    fields.refuse("tie_word_embeddings", "save the model with its own lm_head.weight");
  config.vocab_size = fields.count("vocab_size");
  config.hidden_size = fields.count("hidden_size");
  config.layers = fields.count("num_hidden_layers");
  config.heads = fields.count("num_attention_heads");
  config.key_value_heads = fields.count("num_key_value_heads", config.heads);
  config.intermediate_size = fields.count("intermediate_size");
  config.max_positions = fields.count("max_position_embeddings", 2048);
  config.theta = read_theta(fields);
  config.epsilon = fields.positive("rms_norm_eps", 1e-6);
}

nlohmann::ordered_json llama_config_json(const LanguageModelConfig& config) {
  return {
      {"architectures", {"LlamaForCausalLM"}},
      {"model_type", "llama"},
      {"vocab_size", config.vocab_size},
      {"hidden_size", config.hidden_size},
      {"intermediate_size", config.intermediate_size},
      {"num_hidden_layers", config.layers},
      {"num_attention_heads", config.heads},
      {"num_key_value_heads", config.key_value_heads},
      {"max_position_embeddings", config.max_positions},
      {"rope_theta", config.theta},
      {"rms_norm_eps", config.epsilon},
      {"hidden_act", "silu"},
      {"attention_bias", false},
      {"mlp_bias", false},
      {"tie_word_embeddings", false},
      {"bos_token_id", 1},
      {"eos_token_id", 2},
      {"torch_dtype", sizeof(real) == 4 ? "float32" : "float64"},
  };
}

}  // namespace nn
