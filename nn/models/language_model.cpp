#include "nn/models/language_model.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/named_row.h"
#include "nn/base/split.h"
#include "nn/layers.h"
#include "nn/models/gpt2/gpt2.h"
#include "nn/models/key_value_cache.h"
#include "nn/models/llama/llama.h"
#include "nn/ops.h"
#include "nn/parameters.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

const LanguageModelConfig& valid(const LanguageModelConfig& config) {
  require_valid(config);
  return config;
}

// The 32-bit seed of a block's generator: seed * blocks + block if that fits, otherwise a mixture
// of all bits of both (splitmix64, Steele et al. 2014).
std::uint32_t seed_of(std::uint64_t seed, std::uint64_t blocks, std::uint64_t block) {
  if (seed <= (UINT32_MAX - block) / blocks)
    return static_cast<std::uint32_t>(seed * blocks + block);
  std::uint64_t mixed = 0;
  for (const std::uint64_t word : {seed, block}) {
    mixed = (mixed ^ word) + 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    mixed ^= mixed >> 31;
  }
  return static_cast<std::uint32_t>(mixed >> 32);
}

}  // namespace

std::span<const ModelFamily> families() {
  static const std::array table{llama_family(), gpt2_family()};
  return table;
}

const ModelFamily* find_family(std::string_view name) { return find_row(families(), name); }

std::string family_names() {
  std::vector<std::string> names;
  for (const ModelFamily& family : families()) names.emplace_back(family.name);
  return join(names, ", ", " or ");
}

const ModelFamily& LanguageModelConfig::kind() const { return family ? *family : families()[0]; }

bool operator==(const LanguageModelConfig& a, const LanguageModelConfig& b) {
  const auto fields = [](const LanguageModelConfig& c) {
    return std::tuple(c.vocab_size, c.hidden_size, c.layers, c.heads, c.key_value_heads,
                      c.intermediate_size, c.max_positions, c.theta, c.epsilon, &c.kind());
  };
  return fields(a) == fields(b);
}

void require_valid(const LanguageModelConfig& c) {
  const std::string_view name = c.kind().name;
  require(c.vocab_size > 0 && c.hidden_size > 0 && c.layers >= 0 && c.heads > 0 &&
              c.key_value_heads > 0 && c.intermediate_size > 0 && c.max_positions > 0,
          name, ": every size must be positive");
  require(c.hidden_size % c.heads == 0, name, ": ", c.heads,
          " heads do not divide the hidden size ", c.hidden_size);
  c.kind().require_valid(c);
}

std::vector<int> all_blocks(const LanguageModelConfig& config) {
  std::vector<int> blocks(config.layers + 2);
  std::iota(blocks.begin(), blocks.end(), 0);
  return blocks;
}

std::vector<TensorInfo> tensors_of(const LanguageModelConfig& config) {
  const ModelFamily& family = config.kind();
  const int head = static_cast<int>(config.layers) + 1;
  Generator unused;
  std::vector<TensorInfo> tensors;
  for (int block = 0; block <= head; ++block) {
    Parameters parameters = Parameters::without_values();
    const Scope scope(parameters, unused);
    if (block == 0)
      family.embedding(scope, config);
    else if (block == head)
      family.head(scope, scope, config);
    else
      family.layer(scope, config, block - 1);
    for (const auto& [name, shape, offset] : parameters.infos())
      tensors.push_back(
          {name, shape, block, std::string(name == family.tied_head ? family.tied_embedding : "")});
  }
  return tensors;
}

std::optional<TensorInfo> tied_tensor(const LanguageModelConfig& config) {
  LanguageModelConfig small = config;
  small.layers = 0;
  for (const TensorInfo& tensor : tensors_of(small))
    if (!tensor.tied_to.empty()) return tensor;
  return {};
}

std::size_t block_size(const LanguageModelConfig& config, int block) {
  LanguageModelConfig small = config;  // one layer stands for all
  small.layers = std::min<index>(config.layers, 1);
  const int like = block == 0 ? 0 : block <= config.layers ? 1 : static_cast<int>(small.layers) + 1;
  index size = 0;
  for (const TensorInfo& tensor : tensors_of(small))
    if (tensor.block == like) size += tensor.shape.size();
  return static_cast<std::size_t>(size);
}

double model_size(const LanguageModelConfig& config) {
  const int head = static_cast<int>(config.layers) + 1;
  const auto size = [&](int block) { return static_cast<double>(block_size(config, block)); };
  return size(0) + (config.layers > 0 ? static_cast<double>(config.layers) * size(1) : 0) +
         size(head);
}

LanguageModel::LanguageModel(const LanguageModelConfig& config, std::uint64_t seed)
    : LanguageModel(config, all_blocks(valid(config)), seed) {}

LanguageModel::LanguageModel(const LanguageModelConfig& config, std::span<const int> blocks,
                             std::uint64_t seed, std::optional<HeadRows> rows)
    : config_(valid(config)),
      rows_(rows),
      ranges_(config.layers + 2 + (rows ? 1 : 0)),
      layers_(config.layers) {
  const ModelFamily& family = config.kind();
  const auto generator_of = [&](int block) {
    return Generator(seed_of(seed, config.layers + 2, block));
  };
  for (int block : blocks) {
    require(block >= 0 && block < std::ssize(ranges_), family.name, ": there is no block ", block);
    Generator generator = generator_of(std::min(block, head_block())),
              embedding_generator = generator_of(0);
    const Scope scope(parameters_, generator), embedding(parameters_, embedding_generator);
    const index offset = parameters_.size();
    if (block == 0)
      embedding_ = family.embedding(scope, config);
    else if (block == head_block() && rows)
      norm_ = family.norm(scope, config);
    else if (block == head_block())
      head_ = family.head(scope, embedding, config);
    else if (block == rows_block())
      add_rows(generator);
    else
      layers_[block - 1] = family.layer(scope, config, block - 1);
    ranges_[block] = {offset, parameters_.size() - offset};
  }
}

// The generator draws all rows, as for a whole head.
void LanguageModel::add_rows(Generator& generator) {
  const auto [first, count] = *rows_;
  require(0 <= first && 0 < count && first + count <= config_.vocab_size, config_.kind().name,
          ": there are no rows ", first, " to ", first + count);
  Parameters whole;
  const Scope scope(whole, generator);
  config_.kind().head(scope, scope, config_);
  const auto& [name, shape, offset] = whole.infos().back();
  const index width = config_.hidden_size;
  head_rows_ = {&parameters_, parameters_.add(name, {count, width})};
  std::ranges::copy(whole.values().subspan(offset + first * width, count * width),
                    head_rows_.value().begin());
}

std::optional<LanguageModel::Range> LanguageModel::tied_range(int block) const {
  const std::optional<TensorInfo> tensor = tied_tensor(config_);
  if (!tensor || (block != 0 && block != head_block())) return {};
  const auto* found = parameters_.find(block == 0 ? tensor->tied_to : tensor->name);
  require(found, config_.kind().name, ": block ", block, " is not here");
  return Range{found->offset, found->shape.size()};
}

Var LanguageModel::embed(Tape& tape, std::span<const int> ids, index length, index first) const {
  require(embedding_ != nullptr, config_.kind().name, ": the embedding is not here");
  return embedding_->forward(tape, ids, length, first);
}

const LayerBlock& LanguageModel::layer(int block) const {
  require(block >= 1 && block < head_block() && layers_[block - 1], config_.kind().name, ": layer ",
          block - 1, " is not here");
  return *layers_[block - 1];
}

Var LanguageModel::layer(int block, Var x, index length) const {
  require(length <= config_.max_positions, config_.kind().name, ": sequences of ", length,
          " tokens are longer than ", config_.max_positions);
  return layer(block).forward(x, length);
}

Var LanguageModel::layer(int block, Var x, KeyValueCache& cache) const {
  require(!x.tape().is_recording(), config_.kind().name,
          ": a cache cannot be used while the tape records");
  return layer(block).forward(x, cache);
}

Var LanguageModel::norm(Var x) const {
  require(norm_ != nullptr, config_.kind().name, ": the head's norm is not here");
  return norm_(x);
}

Var LanguageModel::head(Var x) const {
  require(head_ != nullptr, config_.kind().name, ": the head is not here");
  return head_->forward(x);
}

Var LanguageModel::loss(Var x, std::span<const int> targets) const {
  require(head_ != nullptr, config_.kind().name, ": the head is not here");
  return head_->loss(x, targets);
}

Var LanguageModel::logits(Tape& tape, std::span<const int> ids, index length) const {
  Var x = embed(tape, ids, length);
  for (int block = 1; block < head_block(); ++block) x = layer(block, x, length);
  return head(x);
}

}  // namespace nn
