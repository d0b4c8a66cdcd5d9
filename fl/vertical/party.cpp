#include "fl/vertical/party.h"

#include <utility>

#include "fl/vertical/models.h"
#include "nn/base/error.h"
#include "nn/tensor.h"

namespace fl::vertical {

Party::Party(const Config& config, int party)
    : config_(config),
      party_(party),
      generator_(config.seed),
      masks_(config.stream),
      optimizer_(config.learning_rate) {
  nn::require(party >= 0 && party <= config.clients(), "vertical: party ", party, " of ",
              config.clients() + 1);
  for (int each = 0; each <= config.clients(); ++each) {
    auto model = each < config.clients() ? make_bottom(config, each, generator_)
                                         : make_top(config, generator_);
    if (each == party) model_ = std::move(model);
  }
}

void Party::begin(const Pass& pass) {
  pass_ = pass;
  tape_.reset();
  tape_.set_recording(pass.is_training);
  if (!config_.quirks.accumulates || pass.first == 0) model_->parameters().zero_gradients();
}

nn::Var Party::forward(nn::Var x) {
  if (!pass_.is_training && !config_.quirks.drops_in_testing) {
    model_->evaluate();
    return model_->forward(x);
  }
  skip_masks(0, party_);
  masks_.start_batch(generator_, pass_.rows);
  model_->train(masks_);
  const nn::Var y = model_->forward(x);
  skip_masks(party_ + 1, config_.clients() + 1);
  return y;
}

void Party::step() {
  if (config_.quirks.trains_top_alone && party_ < config_.clients()) return;
  optimizer_.step(model_->parameters().values(), model_->parameters().gradients());
}

// Draws what the dropout layers of these parties draw.
void Party::skip_masks(int first, int last) {
  for (int party = first; party < last; ++party) {
    const bool is_client = party < config_.clients();
    if (!is_client && !config_.quirks.drops_scores) continue;
    const nn::index outputs = is_client ? 2 * config_.columns[party] : config_.classes;
    nn::draw_mask(generator_, config_.stream, config_.dropout, pass_.rows * outputs, skipped_);
  }
}

}  // namespace fl::vertical
