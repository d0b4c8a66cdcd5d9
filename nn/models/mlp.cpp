#include "nn/models/mlp.h"

#include <cstddef>
#include <span>
#include <string>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

Mlp::Mlp(std::span<const index> widths, Generator& generator) {
  require(widths.size() >= 2, "mlp: a network needs at least two widths, not ", widths.size());
  for (std::size_t i = 0; i + 1 < widths.size(); ++i)
    layers_.emplace_back(scope(generator)("layers")(std::to_string(i)), widths[i], widths[i + 1]);
}

Var Mlp::forward(Var x) {
  x = flatten(x);
  for (std::size_t i = 0; i < layers_.size(); ++i) x = layers_[i](i == 0 ? x : relu(x));
  return log_softmax(x);
}

}  // namespace nn
