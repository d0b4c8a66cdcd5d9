#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/layers.h"
#include "nn/models/key_value_cache.h"
#include "nn/parameters.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

struct ModelFamily;
class ConfigFields;

// The shape of a language model. The defaults are the course's LLaMA, with 26,398,368 parameters.
struct LanguageModelConfig {
  index vocab_size = 32000;
  index hidden_size = 288;  // width of a token's vector
  index layers = 6;
  index heads = 6;
  index key_value_heads = 6;            // each shared by heads / key_value_heads query heads
  index intermediate_size = 1152;       // of the feed-forward network
  index max_positions = 256;            // tokens of the longest sequence
  double theta = 10000;                 // of the rotary embedding
  double epsilon = 1e-6;                // of the norms
  const ModelFamily* family = nullptr;  // null stands for the LLaMA

  index head_size() const { return hidden_size / heads; }
  const ModelFamily& kind() const;
  friend bool operator==(const LanguageModelConfig&, const LanguageModelConfig&);
};

// Throws Error naming the first invalid number, such as heads that do not divide the width.
void require_valid(const LanguageModelConfig& config);

// A language model consists of blocks: the embedding is block 0, the layers are blocks 1 to
// `layers`, the head is block layers + 1. Each row is a token; sequences of `length` tokens are
// stored one after the other.
class EmbeddingBlock {
 public:
  virtual ~EmbeddingBlock() = default;
  // [n] -> [n, hidden_size]; the first token of each sequence has position `first`.
  virtual Var forward(Tape& tape, std::span<const int> ids, index length, index first) const = 0;
};
class LayerBlock {
 public:
  virtual ~LayerBlock() = default;
  virtual Var forward(Var x, index length) const = 0;  // [n, hidden_size] -> the same
  // The same for the next n tokens of one sequence. They also attend to the tokens in the cache and
  // are appended to it. For tapes that do not record.
  virtual Var forward(Var x, KeyValueCache& cache) const = 0;
};
class HeadBlock {
 public:
  virtual ~HeadBlock() = default;
  virtual Var forward(Var x) const = 0;  // [n, hidden_size] -> [n, vocab_size]
  virtual Var loss(Var x, std::span<const int> targets) const = 0;  // its cross-entropy, [1]
};

// A tensor of a model, under Hugging Face's name.
struct TensorInfo {
  std::string name;
  Shape shape;
  int block;
  // Another tensor that always equals this one. Each of the two blocks has a copy, and the
  // gradients are added up before either is updated. Files contain the other tensor only.
  std::string tied_to = {};
};

// A kind of language model: everything that a new one has to define. families() is the table.
struct ModelFamily {
  std::string_view name;  // on the command line, and model_type in config.json
  std::string_view description;
  void (*require_valid)(const LanguageModelConfig&);
  // config.json, both ways (config.h).
  void (*read)(const ConfigFields& fields, LanguageModelConfig& config);
  nlohmann::ordered_json (*write)(const LanguageModelConfig&);
  // Each block takes its tensors from `scope`, which has the generator of their first values;
  // `embedding` has that of the embedding's. Names and shapes of a layer must not depend on the
  // number of layers.
  std::unique_ptr<EmbeddingBlock> (*embedding)(const Scope& scope, const LanguageModelConfig&);
  std::unique_ptr<LayerBlock> (*layer)(const Scope& scope, const LanguageModelConfig&, index layer);
  std::unique_ptr<HeadBlock> (*head)(const Scope& scope, const Scope& embedding,
                                     const LanguageModelConfig&);
  // The head's norm alone, whose weights come before the head's other tensor, [vocab_size,
  // hidden_size]. Null if the rows of that cannot be divided (HeadRows).
  std::function<Var(Var)> (*norm)(const Scope& scope, const LanguageModelConfig&) = nullptr;
  // A tensor of the head that always equals one of the embedding (TensorInfo::tied_to), if any.
  std::string_view tied_head = {}, tied_embedding = {};
  std::string_view vocabulary = "vocabulary";  // the usual one, under data/fetch.sh's name
  double epsilon = 1e-6;                       // of the norms, by default
  bool has_position_table = false;             // so that weights depend on max_positions
  std::string_view prefix = {};                // of names, missing in some files
  bool (*is_ignored)(std::string_view tensor) = [](std::string_view) { return false; };  // in files
};
std::span<const ModelFamily> families();
const ModelFamily* find_family(std::string_view name);  // null if there is none
std::string family_names();                             // "llama or gpt2"

// 0 to layers + 1.
std::vector<int> all_blocks(const LanguageModelConfig& config);

// The tensors of a whole model, block by block. Takes no memory for their values.
std::vector<TensorInfo> tensors_of(const LanguageModelConfig& config);

// The tensor of the head that is tied to one of the embedding, if any.
std::optional<TensorInfo> tied_tensor(const LanguageModelConfig& config);

// The number of parameters in a block.
std::size_t block_size(const LanguageModelConfig& config, int block);

// The number of parameters in the whole model; not exact beyond 2^53.
double model_size(const LanguageModelConfig& config);

// The rows of the head's weight that one of several models has. The head is then split: its block
// is the norm alone, and every model has a block more, its rows.
struct HeadRows {
  index first = 0, count = 0;
};

// A language model, or some blocks of one. Names are Hugging Face's and global. The initial weights
// of a block depend only on the seed and the block, so every cut starts from the same model.
class LanguageModel {
 public:
  explicit LanguageModel(const LanguageModelConfig& config, std::uint64_t seed = 0);
  LanguageModel(const LanguageModelConfig& config, std::span<const int> blocks,
                std::uint64_t seed = 0, std::optional<HeadRows> rows = {});
  LanguageModel(const LanguageModel&) = delete;
  LanguageModel& operator=(const LanguageModel&) = delete;

  const LanguageModelConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  int head_block() const { return static_cast<int>(config_.layers) + 1; }
  // Of a split head.
  int rows_block() const { return head_block() + 1; }
  const std::optional<HeadRows>& rows() const { return rows_; }
  Parameter head_rows() const { return head_rows_; }
  // Where the weights of a block lie in the flat arrays of parameters().
  struct Range {
    index offset, size;
  };
  Range range(int block) const { return ranges_.at(block); }
  // Where the tied weights of the embedding or the head lie (see TensorInfo). Empty for other
  // blocks and for models without tied weights. Throws Error if the block is not here.
  std::optional<Range> tied_range(int block) const;

  // The individual blocks. A block that is not here throws Error.
  Var embed(Tape& tape, std::span<const int> ids, index length, index first = 0) const;
  Var layer(int block, Var x, index length) const;
  Var layer(int block, Var x, KeyValueCache& cache) const;
  Var norm(Var x) const;  // of a split head
  Var head(Var x) const;
  Var loss(Var x, std::span<const int> targets) const;

  // The whole model: [n] -> [n, vocab_size], where n is a multiple of `length`.
  Var logits(Tape& tape, std::span<const int> ids, index length) const;

 private:
  const LayerBlock& layer(int block) const;
  void add_rows(Generator& generator);

  LanguageModelConfig config_;
  std::optional<HeadRows> rows_;
  Parameters parameters_;
  std::vector<Range> ranges_;
  std::unique_ptr<EmbeddingBlock> embedding_;
  std::vector<std::unique_ptr<LayerBlock>> layers_;
  std::unique_ptr<HeadBlock> head_;
  std::function<Var(Var)> norm_;
  Parameter head_rows_;
};

}  // namespace nn
