#include "fl/vertical/coder.h"

#include <utility>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/variational.h"

namespace fl::vertical {

LocalCoder::Mlp::Mlp(nn::index in, nn::index hidden, nn::index out, nn::Generator& generator)
    : fc1_(nn::Scope(parameters_, generator)("fc1"), in, hidden),
      fc2_(nn::Scope(parameters_, generator)("fc2"), hidden, out) {}

nn::Var LocalCoder::Mlp::operator()(nn::Var x) { return fc2_(nn::relu(fc1_(x))); }

void LocalCoder::Mlp::step() {
  adam_.step(parameters_.values(), parameters_.gradients());
  parameters_.zero_gradients();
}

// Every party draws from a seed of its own.
LocalCoder::LocalCoder(const Config& config, int client, nn::Tensor columns)
    : columns_(std::move(columns)),
      generator_(config.seed + 1 + client),
      encoder_(width(), 2 * width(), code_width, generator_),
      decoder_(code_width, 2 * width(), width(), generator_) {
  const nn::Shape shape{config.rows, config.columns.at(client)};
  nn::require(columns_.shape() == shape, "joint VAE: client ", client, " has columns ",
              columns_.shape(), ", not ", shape);
}

nn::ConstView LocalCoder::encode(const Pass& pass) {
  rows_ = {columns_.view().data + pass.first * width(), {pass.rows, width()}};
  encoding_.reset();
  code_ = encoder_(encoding_.constant(rows_));
  return code_.value();
}

void LocalCoder::decode(nn::ConstView output) {
  decoding_.reset();
  output_ = decoding_.input(output);
  const nn::Var loss = nn::squared_error(decoder_(output_), rows_);
  decoding_.backward(loss);
  decoder_.step();
  error_ = loss.value()[0];
}

void LocalCoder::learn(nn::ConstView gradient) {
  encoding_.backward_data(code_, gradient);
  encoding_.backward_weights();
  encoder_.step();
}

}  // namespace fl::vertical
