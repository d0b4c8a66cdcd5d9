#pragma once

#include <memory>
#include <span>
#include <vector>

#include "nn/model.h"
#include "nn/models/language_model.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// A small language model as a Model, for texts of one length: two layers of width 64 with four
// heads. Ids [n, length], as reals -> log-probabilities of the next tokens [n * length,
// vocabulary]. A head that is tied to the embedding has no weights of its own. Blocks, names and
// losses are those of a LanguageModel with this config.
class TextModel : public Model {
 public:
  TextModel(const ModelFamily& family, index length, index vocabulary, Generator& generator);
  Var forward(Var x) override;
  Var loss(Var x, std::span<const int> next) override;

  const LanguageModelConfig& config() const { return config_; }

 private:
  Var before_head(Var x) const;

  LanguageModelConfig config_;
  std::unique_ptr<EmbeddingBlock> embedding_;
  std::vector<std::unique_ptr<LayerBlock>> layers_;
  std::unique_ptr<HeadBlock> head_;
};

}  // namespace nn
