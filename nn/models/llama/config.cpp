#include "nn/models/llama/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nn/base/file.h"
#include "nn/base/json.h"

// config.json: a LlamaConfig in the words of Hugging Face.
namespace nn {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* config_hint = "is it the folder of a Hugging Face Llama checkpoint?";

// The fields of a JSON object in a file; every complaint names one. A null is as good as no field.
class Fields {
 public:
  Fields(std::string where, json object) : where_(std::move(where)), object_(std::move(object)) {}

  bool has(const std::string& field) const {
    return object_.contains(field) && !object_.at(field).is_null();
  }
  json get(const std::string& field) const { return has(field) ? object_.at(field) : json(); }

  [[noreturn]] void refuse(const std::string& field, const std::string& wanted) const {
    const std::string state = has(field) ? " is " + json_shown(get(field)) : " is missing";
    throw InputError(concat(where_, ": ", field, state), wanted);
  }

  // From 1 on, and such that the product of two fits 64 bits with room to spare.
  index count(const std::string& field) const {
    constexpr std::uint64_t largest = 1 << 30;
    const json value = get(field);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() - 1 >= largest)
      refuse(field, concat("it must be a whole number from 1 to ", largest));
    return value.get<index>();
  }
  index count(const std::string& field, index fallback) const {
    return has(field) ? count(field) : fallback;
  }

  double positive(const std::string& field, double fallback) const {
    if (!has(field)) return fallback;
    const json value = get(field);
    if (!value.is_number() || !(value.get<double>() > 0))
      refuse(field, "it must be a number above 0");
    return value.get<double>();
  }

  // Refuses what our model has not: the field must be as we do it, or not be there.
  void allow_only(const std::string& field, const json& supported) const {
    if (has(field) && get(field) != supported)
      refuse(field, supported.is_null() ? "models with it are not supported"
                                        : concat("only ", supported.dump(), " is supported"));
  }

  Fields inside(const std::string& field) const {
    const json value = has(field) ? get(field) : json::object();
    if (!value.is_object()) refuse(field, "it must be an object");
    return {concat(where_, ": ", field), value};
  }

 private:
  std::string where_;
  json object_;
};

// Rotary embedding without tricks for long contexts. Older files have rope_theta and rope_scaling,
// newer ones rope_parameters with the same inside.
double read_theta(const Fields& fields) {
  double theta = fields.positive("rope_theta", LlamaConfig{}.theta);
  for (const char* field : {"rope_scaling", "rope_parameters"}) {
    const Fields rope = fields.inside(field);
    rope.allow_only("rope_type", "default");
    rope.allow_only("type", "default");
    rope.allow_only("factor", 1);
    rope.allow_only("partial_rotary_factor", 1);
    theta = rope.positive("rope_theta", theta);
  }
  return theta;
}

}  // namespace

void require_valid(const LlamaConfig& c) {
  require(c.vocabulary > 0 && c.d > 0 && c.layers >= 0 && c.heads > 0 && c.key_value_heads > 0 &&
              c.hidden > 0 && c.context > 0,
          "llama: every size must be positive");
  require(c.d % c.heads == 0 && c.head_size() % 2 == 0, "llama: ", c.heads,
          " heads do not cut a width of ", c.d, " into even parts");
  require(c.heads % c.key_value_heads == 0, "llama: ", c.heads, " heads cannot share ",
          c.key_value_heads, " key/value heads evenly");
}

LlamaConfig read_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  return config_from_json(read_json_object(path, config_hint), path.string());
}

LlamaConfig config_from_json(const json& object, const std::string& name) {
  const Fields fields(name, object);
  if (fields.get("model_type") != "llama") fields.refuse("model_type", config_hint);
  fields.allow_only("hidden_act", "silu");
  fields.allow_only("attention_bias", false);
  fields.allow_only("mlp_bias", false);
  fields.allow_only("partial_rotary_factor", 1);
  fields.allow_only("quantization_config", nullptr);
  if (fields.has("tie_word_embeddings") && fields.get("tie_word_embeddings") != false)
    fields.refuse("tie_word_embeddings", "save the model with a lm_head.weight of its own");

  LlamaConfig config;
  config.vocabulary = fields.count("vocab_size");
  config.d = fields.count("hidden_size");
  config.layers = fields.count("num_hidden_layers");
  config.heads = fields.count("num_attention_heads");
  config.key_value_heads = fields.count("num_key_value_heads", config.heads);
  config.hidden = fields.count("intermediate_size");
  config.context = fields.count("max_position_embeddings", 2048);
  config.theta = read_theta(fields);
  config.epsilon = fields.positive("rms_norm_eps", 1e-6);
  try {
    require_valid(config);
  } catch (const Error& error) {
    throw InputError(concat(name, ": ", error.what()), config_hint);
  }
  fields.allow_only("head_dim", config.head_size());
  return config;
}

std::string config_text(const LlamaConfig& config) {
  const nlohmann::ordered_json content{
      {"architectures", {"LlamaForCausalLM"}},
      {"model_type", "llama"},
      {"vocab_size", config.vocabulary},
      {"hidden_size", config.d},
      {"intermediate_size", config.hidden},
      {"num_hidden_layers", config.layers},
      {"num_attention_heads", config.heads},
      {"num_key_value_heads", config.key_value_heads},
      {"max_position_embeddings", config.context},
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
  return content.dump(2) + '\n';
}

}  // namespace nn
