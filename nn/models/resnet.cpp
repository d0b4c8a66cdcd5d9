#include "nn/models/resnet.h"

#include <string>
#include <vector>

#include "nn/layers.h"
#include "nn/model.h"
#include "nn/ops.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

ResNet8::Block::Block(const Scope& scope, index in, index out, index stride)
    : conv1_(scope("conv1"), in, out, 3, stride, 1),
      norm1_(scope("norm1"), groups, out),
      conv2_(scope("conv2"), out, out, 3, 1, 1),
      norm2_(scope("norm2"), groups, out) {
  if (stride == 1) return;
  const Conv2d conv(scope("shortcut")("0"), in, out, 1, stride);
  shortcut_ = {conv, GroupNorm(scope("shortcut")("1"), groups, out)};
}

Var ResNet8::Block::operator()(Var x) const {
  const Var y = conv2_(norm1_.then_relu(conv1_(x)));
  return norm2_.then_relu(y, shortcut_ ? shortcut_->norm(shortcut_->conv(x)) : x);
}

ResNet8::ResNet8(InputShape input, index classes, Generator& generator)
    : conv_(scope(generator)("conv1"), input.channels, width, 3, 1, 1),
      norm_(scope(generator)("norm1"), groups, width),
      blocks_{Block(scope(generator)("layer1"), width, width, 1),
              Block(scope(generator)("layer2"), width, 2 * width, 2),
              Block(scope(generator)("layer3"), 2 * width, 4 * width, 2)},
      fc_(scope(generator)("fc"), 4 * width, classes) {}

Var ResNet8::forward(Var x) {
  x = norm_.then_relu(conv_(x));
  for (const Block& block : blocks_) x = block(x);
  return log_softmax(fc_(global_average_pool(x)));
}

}  // namespace nn
