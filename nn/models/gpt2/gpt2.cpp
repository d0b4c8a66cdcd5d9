#include "nn/models/gpt2/gpt2.h"

#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "nn/layers.h"
#include "nn/models/gpt2/config.h"
#include "nn/models/key_value_cache.h"
#include "nn/models/language_model.h"
#include "nn/ops.h"
#include "nn/parameters.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

constexpr double gpt2_stddev = 0.02;           // of the initial weights
constexpr double gpt2_position_stddev = 0.01;  // as in OpenAI's code; transformers has 0.02

LayerNorm layer_norm_of(const Scope& scope, const LanguageModelConfig& config) {
  return {scope, config.hidden_size, static_cast<real>(config.epsilon)};
}

// y[n, out] = x[n, in] weight[in, out] + bias[out]: a linear layer with transposed weights, as
// OpenAI saved them (transformers' Conv1D)
class Conv1D {
 public:
  Conv1D(const Scope& scope, index in, index out, double stddev = gpt2_stddev)
      : weight_(scope.normal("weight", {in, out}, stddev)),
        bias_(scope.constant("bias", {out}, 0)) {}
  Var operator()(Var x) const {
    return matmul(x, x.tape().parameter(weight_), x.tape().parameter(bias_));
  }

 private:
  Parameter weight_, bias_;
};

class Gpt2Embedding : public EmbeddingBlock {
 public:
  Gpt2Embedding(const Scope& scope, const LanguageModelConfig& config)
      : tokens_(scope("wte"), config.vocab_size, config.hidden_size, gpt2_stddev),
        positions_(scope("wpe"), config.max_positions, config.hidden_size, gpt2_position_stddev),
        max_positions_(config.max_positions) {}

  Var forward(Tape& tape, std::span<const int> ids, index length, index first) const override {
    require(first + length <= max_positions_, "gpt2: sequences of ", first + length,
            " tokens are longer than ", max_positions_);
    std::vector<int> positions(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i)
      positions[i] = static_cast<int>(first + static_cast<index>(i) % length);
    return add(tokens_(tape, ids), positions_(tape, positions));
  }

 private:
  Embedding tokens_, positions_;
  index max_positions_;
};

// h = x + attention(norm(x)), y = h + down(gelu(up(norm(h))))
class Gpt2Layer : public LayerBlock {
 public:
  // Projections into the residual stream start smaller, because 2 * layers of them add up.
  Gpt2Layer(const Scope& scope, const LanguageModelConfig& c)
      : width_(c.hidden_size),
        head_size_(c.head_size()),
        attention_norm_(layer_norm_of(scope("ln_1"), c)),
        qkv_(scope("attn")("c_attn"), width_, 3 * width_),
        o_(scope("attn")("c_proj"), width_, width_, residual_stddev(c)),
        norm_(layer_norm_of(scope("ln_2"), c)),
        up_(scope("mlp")("c_fc"), width_, c.intermediate_size),
        down_(scope("mlp")("c_proj"), c.intermediate_size, width_, residual_stddev(c)) {}

  Var forward(Var x, index length) const override {
    return apply(
        x, [&](Var q, Var k, Var v) { return causal_attention(q, k, v, head_size_, length); });
  }

  Var forward(Var x, KeyValueCache& cache) const override {
    Tape& tape = x.tape();
    return apply(x, [&](Var q, Var k, Var v) {
      cache.append(k.value(), v.value());
      return causal_attention(q, tape.constant(cache.keys()), tape.constant(cache.values()),
                              head_size_, x.shape().rows());
    });
  }

 private:
  static double residual_stddev(const LanguageModelConfig& config) {
    return gpt2_stddev / std::sqrt(2.0 * static_cast<double>(config.layers));
  }

  template <class Attention>
  Var apply(Var x, Attention attention) const {
    const Var qkv = qkv_(attention_norm_(x));
    const Var h = add_(o_(attention(columns(qkv, 0, width_), columns(qkv, width_, width_),
                                    columns(qkv, 2 * width_, width_))),
                       x);
    return add_(down_(gelu_tanh(up_(norm_(h)))), h);
  }

  index width_, head_size_;
  LayerNorm attention_norm_;
  Conv1D qkv_, o_;
  LayerNorm norm_;
  Conv1D up_, down_;
};

class Gpt2Head : public HeadBlock {
 public:
  // The weights equal the embedding's, because its generator draws them first.
  Gpt2Head(const Scope& scope, const Scope& embedding, const LanguageModelConfig& config)
      : norm_(layer_norm_of(scope("transformer")("ln_f"), config)),
        head_(embedding("lm_head"), config.hidden_size, config.vocab_size,
              {.has_bias = false, .stddev = gpt2_stddev}) {}

  Var forward(Var x) const override { return head_(norm_(x)); }
  Var loss(Var x, std::span<const int> targets) const override {
    return linear_cross_entropy(norm_(x), x.tape().parameter(head_.weight()), targets);
  }

 private:
  LayerNorm norm_;
  Linear head_;
};

void require_gpt2(const LanguageModelConfig& c) {
  require(c.key_value_heads == c.heads, "gpt2: ", c.heads, " heads cannot share ",
          c.key_value_heads, " key/value heads");
}

}  // namespace

ModelFamily gpt2_family() {
  return {.name = "gpt2",
          .description = "learned positions, LayerNorm, GELU, tied head (Radford et al. 2019)",
          .require_valid = require_gpt2,
          .read = read_gpt2_config,
          .write = gpt2_config_json,
          .embedding = [](const Scope& scope,
                          const LanguageModelConfig& config) -> std::unique_ptr<EmbeddingBlock> {
            return std::make_unique<Gpt2Embedding>(scope("transformer"), config);
          },
          .layer = [](const Scope& scope, const LanguageModelConfig& config,
                      index layer) -> std::unique_ptr<LayerBlock> {
            return std::make_unique<Gpt2Layer>(scope("transformer")("h")(std::to_string(layer)),
                                               config);
          },
          .head = [](const Scope& scope, const Scope& embedding,
                     const LanguageModelConfig& config) -> std::unique_ptr<HeadBlock> {
            return std::make_unique<Gpt2Head>(scope, embedding, config);
          },
          .tied_head = "lm_head.weight",
          .tied_embedding = "transformer.wte.weight",
          .vocabulary = "gpt2",
          .epsilon = 1e-5,
          .has_position_table = true,
          .prefix = "transformer.",
          // Old files contain the causal masks.
          .is_ignored =
              [](std::string_view tensor) {
                return tensor.ends_with(".attn.bias") || tensor.ends_with(".attn.masked_bias");
              }};
}

}  // namespace nn
