#pragma once

#include "fl/vertical/config.h"
#include "nn/layers.h"
#include "nn/optimizer.h"
#include "nn/parameters.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace fl::vertical {

// Encodings have this many numbers per row and client.
constexpr nn::index code_width = 4;

// A client of the joint VAE as the server knows it, here or in another process. For every batch,
// each function is called once, in this order.
class Coder {
 public:
  virtual ~Coder() = default;
  // The encodings [pass.rows, code_width] of these rows. They are valid until the next pass.
  virtual nn::ConstView encode(const Pass& pass) = 0;
  // Decodes the server's output for these rows, [pass.rows, code_width].
  virtual void decode(nn::ConstView output) = 0;
  // What that gave: the squared error of the columns, and its gradient with respect to the output.
  struct Decoded {
    double error;
    nn::ConstView gradient;  // valid until the next pass
  };
  virtual Decoded decoded() = 0;
  // Takes a step along the loss's gradient with respect to the encodings.
  virtual void learn(nn::ConstView gradient) = 0;
};

// The client itself. Its columns are used here and nowhere else.
class LocalCoder : public Coder {
 public:
  LocalCoder(const Config& config, int client, nn::Tensor columns);  // [config.rows, columns]
  nn::ConstView encode(const Pass& pass) override;
  void decode(nn::ConstView output) override;
  Decoded decoded() override { return {error_, output_.gradient()}; }
  void learn(nn::ConstView gradient) override;

 private:
  // Linear, ReLU, linear.
  class Mlp {
   public:
    Mlp(nn::index in, nn::index hidden, nn::index out, nn::Generator& generator);
    nn::Var operator()(nn::Var x);
    void step();

   private:
    nn::Parameters parameters_;
    nn::Linear fc1_, fc2_;
    nn::Adam adam_{1e-3};
  };

  nn::index width() const { return columns_.shape()[1]; }

  nn::Tensor columns_;
  nn::Generator generator_;
  Mlp encoder_, decoder_;
  nn::Tape encoding_, decoding_;
  nn::ConstView rows_;
  nn::Var code_, output_;
  double error_ = 0;
};

}  // namespace fl::vertical
