#include "nn/models/cifar_cnn.h"

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "nn/layers.h"
#include "nn/model.h"
#include "nn/models/image_size.h"
#include "nn/ops.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

constexpr std::array<index, 3> channels{32, 64, 128};
constexpr index groups = 8, shrinkage = 8;  // three poolings halve each side

}  // namespace

CifarCnn::CifarCnn(Norm norm, InputShape input, index classes, Generator& generator)
    : blocks_(make_blocks(norm, input, generator)),
      fc_(scope(generator)("fc"),
          channels.back() * (input.height / shrinkage) * (input.width / shrinkage), classes) {}

std::vector<CifarCnn::Block> CifarCnn::make_blocks(Norm norm, InputShape input,
                                                   Generator& generator) {
  require_image_size(norm == Norm::batch ? "cifar_cnn_bn" : "cifar_cnn", input, shrinkage);
  index in = input.channels;
  std::vector<Block> blocks;
  for (const index out : channels) {
    const std::string number = std::to_string(blocks.size() + 1);
    const Conv2d convolution(scope(generator)("conv" + number), in, out, 3, 1, 1);
    const Scope place = scope(generator)("norm" + number);
    if (norm == Norm::batch)
      blocks.push_back({convolution, BatchNorm(place, mode(), out)});
    else
      blocks.push_back({convolution, GroupNorm(place, groups, out)});
    in = out;
  }
  return blocks;
}

Var CifarCnn::forward(Var x) {
  for (const auto& [convolution, norm] : blocks_) {
    const Var y = convolution(x);
    x = max_pool2d(relu(std::visit([&](const auto& layer) { return layer(y); }, norm)), 2);
  }
  return log_softmax(fc_(flatten(x)));
}

}  // namespace nn
