#pragma once

#include "fl/vertical/config.h"
#include "fl/vertical/party.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace fl::vertical {

// A client as the server knows it, here or in another process.
class Client {
 public:
  virtual ~Client() = default;
  // The activations [pass.rows, 2 columns] of these rows. They are valid until the next pass.
  virtual nn::ConstView forward(const Pass& pass) = 0;
  // Takes a step along the loss's gradient with respect to the activations of the last pass.
  virtual void backward(nn::ConstView gradient) = 0;
};

// The client itself. Its columns are used here and nowhere else.
class LocalClient : public Client {
 public:
  LocalClient(const Config& config, int client, nn::Tensor columns);  // [config.rows, columns]
  nn::ConstView forward(const Pass& pass) override;
  void backward(nn::ConstView gradient) override;

 private:
  Party party_;
  nn::Tensor columns_;
  nn::Var activations_;
};

}  // namespace fl::vertical
