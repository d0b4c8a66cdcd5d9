#include "nn/models/text_model.h"

#include <algorithm>
#include <span>
#include <string>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/parameters.h"
#include "nn/real.h"

namespace nn {

namespace {

// The number of the parameter of this name.
int number_of(const Parameters& parameters, std::string_view name) {
  const auto found = std::ranges::find(parameters.infos(), name, &ParameterInfo::name);
  require(found != parameters.infos().end(), "text model: there is no ", name);
  return static_cast<int>(found - parameters.infos().begin());
}

}  // namespace

TextModel::TextModel(const ModelFamily& family, index length, index vocabulary,
                     Generator& generator)
    : length_(length) {
  const LanguageModelConfig config{.vocab_size = vocabulary,
                                   .hidden_size = 64,
                                   .layers = 2,
                                   .heads = 4,
                                   .key_value_heads = 4,
                                   .intermediate_size = 192,
                                   .max_positions = length,
                                   .epsilon = family.epsilon};
  family.require_valid(config);
  const Scope own = scope(generator);
  embedding_ = family.embedding(own, config);
  if (!family.tied_head.empty())
    parameters().tie(std::string(family.tied_head), number_of(parameters(), family.tied_embedding));
  for (index layer = 0; layer < config.layers; ++layer)
    layers_.push_back(family.layer(own, config, layer));
  head_ = family.head(own, own, config);
}

Var TextModel::forward(Var x) {
  require(x.shape().rank() == 2 && x.shape()[1] == length_, "text model: input ", x.shape(),
          " is not [n, ", length_, "]");
  Tape& tape = x.tape();
  const std::span<const real> reals = x.value().span();
  const std::vector<int> ids(reals.begin(), reals.end());
  Var h = embedding_->forward(tape, ids, length_, 0);
  for (const auto& layer : layers_) h = layer->forward(h, length_);
  return log_softmax(head_->forward(h));
}

}  // namespace nn
