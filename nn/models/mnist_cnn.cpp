#include "nn/models/mnist_cnn.h"

#include "nn/epilogue.h"
#include "nn/model.h"
#include "nn/models/image_size.h"
#include "nn/ops.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

constexpr index channels1 = 32, channels2 = 64, hidden = 128;

// The pixels per channel that remain after two convolutions without padding and the pooling.
index pooled_area(InputShape input) {
  require_image_size("mnist_cnn", input, 6);
  return (input.height - 4) / 2 * ((input.width - 4) / 2);
}

}  // namespace

MnistCnn::MnistCnn(InputShape input, index classes, Generator& generator)
    : conv1_(scope(generator)("conv1"), input.channels, channels1, 3),
      conv2_(scope(generator)("conv2"), channels1, channels2, 3),
      dropout1_(mode(), 0.25),
      dropout2_(mode(), 0.5),
      fc1_(scope(generator)("fc1"), channels2 * pooled_area(input), hidden),
      fc2_(scope(generator)("fc2"), hidden, classes) {}

Var MnistCnn::forward(Var x) {
  x = conv2d_twice(x, conv1_.filters(x.tape()), conv2_.filters(x.tape()), Epilogue::relu_max_pool);
  x = dropout1_(x);
  x = relu(fc1_(flatten(x)));
  return log_softmax(fc2_(dropout2_(x)));
}

}  // namespace nn
