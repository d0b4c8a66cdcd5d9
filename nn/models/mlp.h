#pragma once

#include <span>
#include <vector>

#include "nn/model.h"

namespace nn {

// Linear layers with relu between them. [n, ...] -> [n, last width]
class Mlp : public Model {
 public:
  // At least the width of the input and that of the output.
  Mlp(std::span<const index> widths, Generator& generator);
  Var forward(Var x) override;

 private:
  std::vector<Linear> layers_;
};

}  // namespace nn
