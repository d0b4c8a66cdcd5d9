#pragma once

#include <optional>

#include "nn/layers.h"
#include "nn/models/llama/config.h"

namespace nn {

// Token ids to vectors: [n] -> [n, d]
class LlamaEmbedding {
 public:
  LlamaEmbedding(const Scope& scope, const LlamaConfig& config);
  Var operator()(Tape& tape, std::span<const int> ids) const { return table_(tape, ids); }

 private:
  Embedding table_;
};

// What a layer keeps of the tokens of one sequence so far, so that later ones can attend to them.
class KeyValueCache {
 public:
  explicit KeyValueCache(const LlamaConfig& config);

  // [length, key_value_heads * head_size], until the next append()
  ConstView keys() const { return {keys_.data(), {length(), columns_}}; }
  ConstView values() const { return {values_.data(), {length(), columns_}}; }
  index length() const { return static_cast<index>(keys_.size()) / columns_; }

  // Throws Error if more tokens come than the configuration's context.
  void append(ConstView keys, ConstView values);
  void clear();

 private:
  index context_, columns_;
  std::vector<real> keys_, values_;
};

// h = x + attention(norm(x)), y = h + down(silu(gate(norm(h))) * up(norm(h))): [n, d] -> [n, d],
// where the n rows are whole sequences of `length` tokens.
class LlamaLayer {
 public:
  LlamaLayer(const Scope& scope, const LlamaConfig& config);
  Var operator()(Var x, index length) const;

  // The same for the next n tokens of one sequence: they attend to those in the cache, too, and are
  // appended to it. For tapes that do not record.
  Var operator()(Var x, KeyValueCache& cache) const;

 private:
  // attention(q, k, v), with q and k not yet turned, is what the two differ in.
  template <class Attention>
  Var apply(Var x, Attention attention) const;

  index head_size_;
  double theta_;
  RmsNorm input_norm_;
  Linear q_, k_, v_, o_;
  RmsNorm attention_norm_;
  Linear gate_, up_, down_;
};

// The last norm and the scores of every token of the vocabulary: [n, d] -> [n, vocabulary]
class LlamaHead {
 public:
  LlamaHead(const Scope& scope, const LlamaConfig& config);
  Var operator()(Var x) const;
  Var loss(Var x, std::span<const int> targets) const;  // cross-entropy of the scores, one number

 private:
  RmsNorm norm_;
  Linear head_;
};

// A LLaMA or some pieces of one. Pieces are numbered through the whole model: 0 is the embedding,
// 1 to `layers` the layers, layers + 1 the head. Names are Hugging Face's and global, and the first
// weights of a piece depend on the seed and the piece only, so every cut starts from the same
// model.
class Llama {
 public:
  explicit Llama(const LlamaConfig& config, std::uint64_t seed = 0);
  Llama(const LlamaConfig& config, std::span<const int> pieces, std::uint64_t seed = 0);
  Llama(const Llama&) = delete;
  Llama& operator=(const Llama&) = delete;

  const LlamaConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  int head_piece() const { return static_cast<int>(config_.layers) + 1; }
  // Where the weights of a piece lie in the flat arrays of parameters().
  struct Range {
    index offset, size;
  };
  Range range(int piece) const { return ranges_.at(piece); }

  // The pieces by themselves; one that was not made throws Error.
  Var embed(Tape& tape, std::span<const int> ids) const;    // [n] -> [n, d]
  Var layer(int piece, Var x, index length) const;          // [n, d] -> [n, d]
  Var layer(int piece, Var x, KeyValueCache& cache) const;  // the same for the next n tokens
  Var head(Var x) const;                                    // [n, d] -> [n, vocabulary]
  Var loss(Var x, std::span<const int> targets) const;      // cross-entropy after the head, [1]

  // All of it: [n] -> [n, vocabulary]; n is a whole number of sequences of `length`.
  Var logits(Tape& tape, std::span<const int> ids, index length) const;

 private:
  const LlamaLayer& layer(int piece) const;

  LlamaConfig config_;
  Parameters parameters_;
  std::vector<Range> ranges_;
  std::optional<LlamaEmbedding> embedding_;
  std::vector<std::optional<LlamaLayer>> layers_;
  std::optional<LlamaHead> head_;
};

}  // namespace nn
