#include "fl/vertical/client.h"

#include <utility>

#include "nn/base/error.h"

namespace fl::vertical {

LocalClient::LocalClient(const Config& config, int client, nn::Tensor columns)
    : party_(config, client), columns_(std::move(columns)) {
  const nn::Shape shape{config.rows, config.columns.at(client)};
  nn::require(columns_.shape() == shape, "vertical: client ", client, " has columns ",
              columns_.shape(), ", not ", shape);
}

nn::ConstView LocalClient::forward(const Pass& pass) {
  const nn::index width = columns_.shape()[1];
  party_.begin(pass);
  const nn::ConstView rows(columns_.view().data + pass.first * width, {pass.rows, width});
  activations_ = party_.forward(party_.tape().constant(rows));
  return activations_.value();
}

void LocalClient::backward(nn::ConstView gradient) {
  party_.tape().backward_data(activations_, gradient);
  party_.tape().backward_weights();
  party_.step();
}

}  // namespace fl::vertical
