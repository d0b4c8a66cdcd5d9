#include "nn/models/llama/llama.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "nn/base/error.h"
#include "nn/layers.h"
#include "nn/models/key_value_cache.h"
#include "nn/models/language_model.h"
#include "nn/models/llama/config.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

constexpr double llama_stddev = 0.02;  // of the initial weights

Linear projection(const Scope& scope, index in, index out) {
  return {scope, in, out, {.has_bias = false, .stddev = llama_stddev}};
}

RmsNorm rms_norm_of(const Scope& scope, const LanguageModelConfig& config) {
  return {scope, config.hidden_size, static_cast<real>(config.epsilon)};
}

class LlamaEmbedding : public EmbeddingBlock {
 public:
  LlamaEmbedding(const Scope& scope, const LanguageModelConfig& config)
      : table_(scope("model")("embed_tokens"), config.vocab_size, config.hidden_size,
               llama_stddev) {}

  Var forward(Tape& tape, std::span<const int> ids, index, index) const override {
    return table_(tape, ids);
  }

 private:
  Embedding table_;
};

// h = x + attention(norm(x)), y = h + down(silu(gate(norm(h))) * up(norm(h)))
class LlamaLayer : public LayerBlock {
 public:
  LlamaLayer(const Scope& scope, const LanguageModelConfig& config)
      : head_size_(config.head_size()),
        theta_(config.theta),
        input_norm_(rms_norm_of(scope("input_layernorm"), config)),
        q_(projection(scope("self_attn")("q_proj"), config.hidden_size, config.hidden_size)),
        k_(projection(scope("self_attn")("k_proj"), config.hidden_size,
                      config.key_value_heads * head_size_)),
        v_(projection(scope("self_attn")("v_proj"), config.hidden_size,
                      config.key_value_heads * head_size_)),
        o_(projection(scope("self_attn")("o_proj"), config.hidden_size, config.hidden_size)),
        attention_norm_(rms_norm_of(scope("post_attention_layernorm"), config)),
        gate_(projection(scope("mlp")("gate_proj"), config.hidden_size, config.intermediate_size)),
        up_(projection(scope("mlp")("up_proj"), config.hidden_size, config.intermediate_size)),
        down_(projection(scope("mlp")("down_proj"), config.intermediate_size, config.hidden_size)) {
  }

  Var forward(Var x, index length) const override {
    return apply(x, [&](Var q, Var k, Var v) {
      return causal_attention(rotary_embedding_(q, head_size_, length, theta_),
                              rotary_embedding_(k, head_size_, length, theta_), v, head_size_,
                              length);
    });
  }

  Var forward(Var x, KeyValueCache& cache) const override {
    Tape& tape = x.tape();
    const index n = x.shape().rows(), first = cache.length();
    return apply(x, [&](Var q, Var k, Var v) {
      cache.append(rotary_embedding_(k, head_size_, n, theta_, first).value(), v.value());
      return causal_attention(rotary_embedding_(q, head_size_, n, theta_, first),
                              tape.constant(cache.keys()), tape.constant(cache.values()),
                              head_size_, n);
    });
  }

 private:
  // The two differ in attention(q, k, v), which gets q and k before the rotary embedding.
  template <class Attention>
  Var apply(Var x, Attention attention) const {
    const Var in = input_norm_(x);
    const Var q = q_(in), k = k_(in), v = v_(in);
    const Var h = add_(o_(attention(q, k, v)), x);
    const Var normed = attention_norm_(h);
    return add_(down_(swiglu(gate_(normed), up_(normed))), h);
  }

  index head_size_;
  double theta_;
  RmsNorm input_norm_;
  Linear q_, k_, v_, o_;
  RmsNorm attention_norm_;
  Linear gate_, up_, down_;
};

class LlamaHead : public HeadBlock {
 public:
  LlamaHead(const Scope& scope, const LanguageModelConfig& config)
      : norm_(rms_norm_of(scope("model")("norm"), config)),
        head_(projection(scope("lm_head"), config.hidden_size, config.vocab_size)) {}

  Var forward(Var x) const override { return head_(norm_(x)); }
  Var loss(Var x, std::span<const int> targets) const override {
    return linear_cross_entropy(norm_(x), x.tape().parameter(head_.weight()), targets);
  }

 private:
  RmsNorm norm_;
  Linear head_;
};

void require_llama(const LanguageModelConfig& c) {
  require(c.head_size() % 2 == 0, "llama: ", c.heads,
          " heads of an even size do not fill the hidden size ", c.hidden_size);
  require(c.heads % c.key_value_heads == 0, "llama: ", c.heads, " heads cannot share ",
          c.key_value_heads, " key/value heads evenly");
}

}  // namespace

ModelFamily llama_family() {
  return {
      .name = "llama",
      .description = "rotary positions, RMSNorm, SwiGLU (Touvron et al. 2023)",
      .require_valid = require_llama,
      .read = read_llama_config,
      .write = llama_config_json,
      .embedding = [](const Scope& scope,
                      const LanguageModelConfig& config) -> std::unique_ptr<EmbeddingBlock> {
        return std::make_unique<LlamaEmbedding>(scope, config);
      },
      .layer = [](const Scope& scope, const LanguageModelConfig& config,
                  index layer) -> std::unique_ptr<LayerBlock> {
        return std::make_unique<LlamaLayer>(scope("model")("layers")(std::to_string(layer)),
                                            config);
      },
      .head = [](const Scope& scope, const Scope&, const LanguageModelConfig& config)
          -> std::unique_ptr<HeadBlock> { return std::make_unique<LlamaHead>(scope, config); },
      .norm = [](const Scope& scope, const LanguageModelConfig& config) -> std::function<Var(Var)> {
        return rms_norm_of(scope("model")("norm"), config);
      },
      // Old files contain frequencies, which follow from theta.
      .is_ignored =
          [](std::string_view tensor) { return tensor.ends_with(".rotary_emb.inv_freq"); }};
}

}  // namespace nn
