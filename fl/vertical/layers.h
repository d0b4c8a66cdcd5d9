#pragma once

#include <span>

#include "nn/layers.h"
#include "nn/parameters.h"
#include "nn/tape.h"
#include "nn/tensor.h"

// What the parties' models compute, with the bits of PyTorch 2.13 (nn/kernels/ordered_products.h).
// The lab's piled-up gradients amplify every rounding error.
namespace fl::vertical {

// nn.Linear: y[n, out] = x[n, in] weight^T + bias
class Linear {
 public:
  Linear(const nn::Scope& scope, nn::index in, nn::index out);
  nn::Var operator()(nn::Var x) const;

 private:
  nn::Parameter weight_, bias_;
};

// The mean over the rows of scores, [n, classes], of minus the log-probability of its label.
nn::Var cross_entropy(nn::Var scores, std::span<const int> labels);

}  // namespace fl::vertical
