#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "nn/layers.h"
#include "nn/model.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// Two 5x5 convolutions, each with a ReLU and 2x2 max-pooling, and linear layers with ReLUs between
// them, as in LeNet-5 (LeCun et al. 1998). [n, channels, height, width] -> [n, classes]
class LeNet : public Model {
 public:
  struct Sizes {
    std::string_view name;  // for errors
    std::array<index, 2> channels;
    index padding;              // of both convolutions
    index smallest;             // side of an image
    std::vector<index> hidden;  // linear layers before the last
  };
  // The CNN of McMahan et al. 2017: 1,663,370 parameters for MNIST.
  static Sizes mcmahan() { return {"mcmahan_cnn", {32, 64}, 2, 4, {512}}; }
  // The CNN of NIID-Bench (Li et al. 2022).
  static Sizes niid() { return {"niid_cnn", {6, 16}, 0, 16, {120, 84}}; }

  // Throws InputError if the images are too small.
  LeNet(const Sizes& sizes, InputShape input, index classes, Generator& generator);
  Var forward(Var x) override;

 private:
  std::vector<Conv2d> convolutions_;
  std::vector<Linear> linear_;
};

}  // namespace nn
