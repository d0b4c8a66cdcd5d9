#pragma once

#include <variant>
#include <vector>

#include "nn/layers.h"
#include "nn/model.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// Three blocks of a padded 3x3 convolution, normalisation, ReLU and 2x2 max-pooling, with 32, 64
// and 128 channels, then one linear layer. 114,186 parameters for CIFAR-10. Group normalisation,
// with 8 groups, does not mix the samples of a batch, which suits clients whose data differ (Hsieh
// et al. 2020). [n, channels, height, width] -> [n, classes]
class CifarCnn : public Model {
 public:
  enum class Norm { group, batch };
  // Throws InputError if the images are smaller than 8 x 8.
  CifarCnn(Norm norm, InputShape input, index classes, Generator& generator);
  Var forward(Var x) override;

 private:
  struct Block {
    Conv2d convolution;
    std::variant<GroupNorm, BatchNorm> norm;
  };
  std::vector<Block> make_blocks(Norm norm, InputShape input, Generator& generator);

  std::vector<Block> blocks_;
  Linear fc_;
};

}  // namespace nn
