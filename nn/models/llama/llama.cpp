#include "nn/models/llama/llama.h"

#include <numeric>

#include "nn/base/error.h"

namespace nn {

namespace {

constexpr double initial_deviation = 0.02;

const LlamaConfig& valid(const LlamaConfig& config) {
  require_valid(config);
  return config;
}

// Seeds of a generator, which has 32 bits: seed * pieces + piece as long as that fits, and then a
// mixture of all bits of both (splitmix64, Steele et al. 2014).
std::uint32_t seed_of(std::uint64_t seed, std::uint64_t pieces, std::uint64_t piece) {
  if (seed <= (UINT32_MAX - piece) / pieces)
    return static_cast<std::uint32_t>(seed * pieces + piece);
  std::uint64_t mixed = 0;
  for (const std::uint64_t word : {seed, piece}) {
    mixed = (mixed ^ word) + 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
  }
  return static_cast<std::uint32_t>(mixed >> 32);
}

std::vector<int> all_pieces(const LlamaConfig& config) {
  std::vector<int> pieces(config.layers + 2);
  std::iota(pieces.begin(), pieces.end(), 0);
  return pieces;
}

Projection projection(const Scope& scope, index in, index out) {
  return {scope, in, out, initial_deviation};
}

}  // namespace

KeyValueCache::KeyValueCache(const LlamaConfig& config)
    : context_(valid(config).context), columns_(config.key_value_heads * config.head_size()) {}

void KeyValueCache::append(ConstView keys, ConstView values) {
  const index n = keys.shape.rows();
  require(keys.shape == Shape{n, columns_} && values.shape == keys.shape, "llama: keys ",
          keys.shape, " and values ", values.shape, " are not rows of ", columns_);
  require(length() + n <= context_, "llama: a sequence of ", length() + n,
          " tokens is longer than ", context_);
  keys_.insert(keys_.end(), keys.begin(), keys.end());
  values_.insert(values_.end(), values.begin(), values.end());
}

void KeyValueCache::clear() {
  keys_.clear();
  values_.clear();
}

LlamaEmbedding::LlamaEmbedding(const Scope& scope, const LlamaConfig& config)
    : table_(scope("embed_tokens"), config.vocabulary, config.d, initial_deviation) {}

LlamaLayer::LlamaLayer(const Scope& scope, const LlamaConfig& config)
    : head_size_(config.head_size()),
      theta_(config.theta),
      input_norm_(scope("input_layernorm"), config.d, static_cast<real>(config.epsilon)),
      q_(projection(scope("self_attn")("q_proj"), config.d, config.d)),
      k_(projection(scope("self_attn")("k_proj"), config.d, config.key_value_heads * head_size_)),
      v_(projection(scope("self_attn")("v_proj"), config.d, config.key_value_heads * head_size_)),
      o_(projection(scope("self_attn")("o_proj"), config.d, config.d)),
      attention_norm_(scope("post_attention_layernorm"), config.d,
                      static_cast<real>(config.epsilon)),
      gate_(projection(scope("mlp")("gate_proj"), config.d, config.hidden)),
      up_(projection(scope("mlp")("up_proj"), config.d, config.hidden)),
      down_(projection(scope("mlp")("down_proj"), config.hidden, config.d)) {}

template <class Attention>
Var LlamaLayer::apply(Var x, Attention attention) const {
  const Var in = input_norm_(x);
  const Var q = q_(in), k = k_(in), v = v_(in);
  const Var h = add_(o_(attention(q, k, v)), x);
  const Var normed = attention_norm_(h);
  return add_(down_(swiglu(gate_(normed), up_(normed))), h);
}

Var LlamaLayer::operator()(Var x, index length) const {
  return apply(x, [&](Var q, Var k, Var v) {
    return causal_attention(rotary_embedding_(q, head_size_, length, theta_),
                            rotary_embedding_(k, head_size_, length, theta_), v, head_size_,
                            length);
  });
}

Var LlamaLayer::operator()(Var x, KeyValueCache& cache) const {
  Tape& tape = x.tape();
  require(!tape.is_recording(), "llama: there is no way back through a cache");
  const index n = x.shape().rows(), first = cache.length();
  return apply(x, [&](Var q, Var k, Var v) {
    cache.append(rotary_embedding_(k, head_size_, n, theta_, first).value(), v.value());
    return causal_attention(rotary_embedding_(q, head_size_, n, theta_, first),
                            tape.constant(cache.keys()), tape.constant(cache.values()), head_size_,
                            n);
  });
}

LlamaHead::LlamaHead(const Scope& scope, const LlamaConfig& config)
    : norm_(scope("model")("norm"), config.d, static_cast<real>(config.epsilon)),
      head_(projection(scope("lm_head"), config.d, config.vocabulary)) {}

Var LlamaHead::operator()(Var x) const { return head_(norm_(x)); }

Var LlamaHead::loss(Var x, std::span<const int> targets) const {
  return linear_cross_entropy(norm_(x), x.tape().parameter(head_.weight()), targets);
}

Llama::Llama(const LlamaConfig& config, std::uint64_t seed)
    : Llama(config, all_pieces(valid(config)), seed) {}

Llama::Llama(const LlamaConfig& config, std::span<const int> pieces, std::uint64_t seed)
    : config_(valid(config)), ranges_(config.layers + 2), layers_(config.layers) {
  for (int piece : pieces) {
    require(piece >= 0 && piece <= head_piece(), "llama: there is no piece ", piece);
    Generator generator(seed_of(seed, config.layers + 2, piece));
    const Scope scope(parameters_, generator);
    const index offset = parameters_.size();
    if (piece == 0)
      embedding_.emplace(scope("model"), config);
    else if (piece == head_piece())
      head_.emplace(scope, config);
    else
      layers_[piece - 1].emplace(scope("model")("layers")(std::to_string(piece - 1)), config);
    ranges_[piece] = {offset, parameters_.size() - offset};
  }
}

Var Llama::embed(Tape& tape, std::span<const int> ids) const {
  require(embedding_.has_value(), "llama: the embedding is not here");
  return (*embedding_)(tape, ids);
}

const LlamaLayer& Llama::layer(int piece) const {
  require(piece >= 1 && piece < head_piece() && layers_[piece - 1], "llama: layer ", piece - 1,
          " is not here");
  return *layers_[piece - 1];
}

Var Llama::layer(int piece, Var x, index length) const {
  require(length <= config_.context, "llama: sequences of ", length, " tokens are longer than ",
          config_.context);
  return layer(piece)(x, length);
}

Var Llama::layer(int piece, Var x, KeyValueCache& cache) const { return layer(piece)(x, cache); }

Var Llama::head(Var x) const {
  require(head_.has_value(), "llama: the head is not here");
  return (*head_)(x);
}

Var Llama::loss(Var x, std::span<const int> targets) const {
  require(head_.has_value(), "llama: the head is not here");
  return head_->loss(x, targets);
}

Var Llama::logits(Tape& tape, std::span<const int> ids, index length) const {
  Var x = embed(tape, ids);
  for (int piece = 1; piece < head_piece(); ++piece) x = layer(piece, x, length);
  return head(x);
}

}  // namespace nn
