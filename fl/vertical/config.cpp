#include "fl/vertical/config.h"

#include <algorithm>
#include <vector>

#include "nn/base/error.h"

namespace fl::vertical {

std::vector<Pass> passes_of(const Config& config) {
  nn::require(config.batch > 0 && config.train_rows > 0 && config.rows > config.train_rows,
              "vertical: ", config.train_rows, " of ", config.rows, " rows train, in batches of ",
              config.batch);
  std::vector<Pass> passes;
  for (int epoch = 0; epoch < config.epochs; ++epoch)
    for (int first = 0; first < config.train_rows; first += config.batch)
      passes.push_back({epoch, first, std::min(config.batch, config.train_rows - first), true});
  passes.push_back({config.epochs, config.train_rows, config.rows - config.train_rows, false});
  return passes;
}

}  // namespace fl::vertical
