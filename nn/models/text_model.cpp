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
    : config_{.vocab_size = vocabulary,
              .hidden_size = 64,
              .layers = 2,
              .heads = 4,
              .key_value_heads = 4,
              .intermediate_size = 192,
              .max_positions = length,
              .epsilon = family.epsilon,
              .family = find_family(family.name)} {
  require_valid(config_);
  const Scope own = scope(generator);
  embedding_ = family.embedding(own, config_);
  if (!family.tied_head.empty())
    parameters().tie(std::string(family.tied_head), number_of(parameters(), family.tied_embedding));
  for (index layer = 0; layer < config_.layers; ++layer)
    layers_.push_back(family.layer(own, config_, layer));
  head_ = family.head(own, own, config_);
}

Var TextModel::forward(Var x) { return log_softmax(head_->forward(before_head(x))); }

Var TextModel::loss(Var x, std::span<const int> next) { return head_->loss(before_head(x), next); }

Var TextModel::before_head(Var x) const {
  const index length = config_.max_positions;
  require(x.shape().rank() == 2 && x.shape()[1] == length, "text model: input ", x.shape(),
          " is not [n, ", length, "]");
  Tape& tape = x.tape();
  const std::span<const real> reals = x.value().span();
  const std::vector<int> ids(reals.begin(), reals.end());
  Var h = embedding_->forward(tape, ids, length, 0);
  for (const auto& layer : layers_) h = layer->forward(h, length);
  return h;
}

}  // namespace nn
