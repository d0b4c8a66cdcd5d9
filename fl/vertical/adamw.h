#pragma once

#include <span>
#include <vector>

#include "nn/real.h"

namespace fl::vertical {

// torch.optim.AdamW with its defaults (weight decay 0.01), with roundings where PyTorch 2.13 has
// them, but for the square root: MKL's can be off in the last place, depending on the processor.
// Loshchilov and Hutter 2019, algorithm 2.
class AdamW {
 public:
  explicit AdamW(double learning_rate) : learning_rate_(learning_rate) {}
  void step(std::span<nn::real> values, std::span<const nn::real> gradients);

 private:
  double learning_rate_;
  int steps_ = 0;
  std::vector<nn::real> mean_, square_;
};

}  // namespace fl::vertical
