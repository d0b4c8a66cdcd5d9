#include "nn/models/lenet.h"

#include <cstddef>
#include <string>

#include "nn/epilogue.h"
#include "nn/model.h"
#include "nn/models/image_size.h"
#include "nn/ops.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

LeNet::LeNet(const Sizes& sizes, InputShape input, index classes, Generator& generator) {
  constexpr index kernel = 5;
  require_image_size(sizes.name, input, sizes.smallest);
  for (const index channels : sizes.channels) {
    const std::string name = "conv" + std::to_string(convolutions_.size() + 1);
    convolutions_.emplace_back(scope(generator)(name), input.channels, channels, kernel, 1,
                               sizes.padding);
    const index lost = kernel - 1 - 2 * sizes.padding;
    input = {channels, (input.height - lost) / 2, (input.width - lost) / 2};
  }
  index width = input.size();
  const auto add_linear = [&](index out) {
    const std::string name = "fc" + std::to_string(linear_.size() + 1);
    linear_.emplace_back(scope(generator)(name), width, out);
    width = out;
  };
  for (const index hidden : sizes.hidden) add_linear(hidden);
  add_linear(classes);
}

Var LeNet::forward(Var x) {
  for (const Conv2d& convolution : convolutions_) x = convolution(x, Epilogue::relu_max_pool);
  x = flatten(x);
  for (std::size_t i = 0; i < linear_.size(); ++i) x = linear_[i](i == 0 ? x : relu(x));
  return log_softmax(x);
}

}  // namespace nn
