#pragma once

#include <span>
#include <vector>

#include "nn/layers.h"
#include "nn/model.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// Linear layers with ReLUs between them, then log_softmax. [n, ...] -> [n, last width]
class Mlp : public Model {
 public:
  // The widths of the input, the hidden layers and the output. Throws Error if there are fewer
  // than 2.
  Mlp(std::span<const index> widths, Generator& generator);
  Var forward(Var x) override;

 private:
  std::vector<Linear> layers_;
};

}  // namespace nn
