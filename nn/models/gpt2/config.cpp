#include "nn/models/gpt2/config.h"

#include "nn/models/config.h"
#include "nn/models/language_model.h"
#include "nn/real.h"

namespace nn {

void read_gpt2_config(const ConfigFields& fields, LanguageModelConfig& config) {
  fields.allow_only("activation_function", "gelu_new");
  fields.allow_only("scale_attn_weights", true);
  fields.allow_only("scale_attn_by_inverse_layer_idx", false);
  fields.allow_only("reorder_and_upcast_attn", false);
  fields.allow_only("add_cross_attention", false);
  fields.allow_only("tie_word_embeddings", true);
  config.vocab_size = fields.count("vocab_size", 50257);
  config.hidden_size = fields.count("n_embd", 768);
  config.layers = fields.count("n_layer", 12);
  config.heads = config.key_value_heads = fields.count("n_head", 12);
  config.intermediate_size = fields.count("n_inner", 4 * config.hidden_size);
  config.max_positions = fields.count("n_positions", 1024);
  config.epsilon = fields.positive("layer_norm_epsilon", 1e-5);
}

nlohmann::ordered_json gpt2_config_json(const LanguageModelConfig& config) {
  // OpenAI's vocabulary ends with <|endoftext|>. In LLaMA vocabularies and in bytes, 1 and 2 stand
  // for the beginning and the end.
  const bool is_own = config.vocab_size == 50257;
  return {
      {"architectures", {"GPT2LMHeadModel"}},
      {"model_type", "gpt2"},
      {"vocab_size", config.vocab_size},
      {"n_embd", config.hidden_size},
      {"n_inner", config.intermediate_size},
      {"n_layer", config.layers},
      {"n_head", config.heads},
      {"n_positions", config.max_positions},
      {"n_ctx", config.max_positions},
      {"layer_norm_epsilon", config.epsilon},
      {"activation_function", "gelu_new"},
      {"embd_pdrop", 0.0},
      {"attn_pdrop", 0.0},
      {"resid_pdrop", 0.0},
      {"tie_word_embeddings", true},
      {"bos_token_id", is_own ? 50256 : 1},
      {"eos_token_id", is_own ? 50256 : 2},
      {"torch_dtype", sizeof(real) == 4 ? "float32" : "float64"},
  };
}

}  // namespace nn
