#include "nn/models/models.h"

#include <array>

namespace nn {

MnistCnn::MnistCnn(Generator& generator)
    : conv1_(scope(generator)("conv1"), 1, 32, 3),
      conv2_(scope(generator)("conv2"), 32, 64, 3),
      dropout1_(dropout(), 0.25),
      dropout2_(dropout(), 0.5),
      fc1_(scope(generator)("fc1"), 9216, 128),
      fc2_(scope(generator)("fc2"), 128, 10) {}

Var MnistCnn::forward(Var x) {
  x = conv1_(x, Then::relu);
  x = dropout1_(conv2_(x, Then::relu_max_pool));
  x = relu(fc1_(flatten(x)));
  return log_softmax(fc2_(dropout2_(x)));
}

Mlp::Mlp(std::span<const index> widths, Generator& generator) {
  for (std::size_t i = 0; i + 1 < widths.size(); ++i)
    layers_.emplace_back(scope(generator)("layers")(std::to_string(i)), widths[i], widths[i + 1]);
}

Var Mlp::forward(Var x) {
  x = flatten(x);
  for (std::size_t i = 0; i < layers_.size(); ++i) x = layers_[i](i == 0 ? x : relu(x));
  return log_softmax(x);
}

std::span<const ModelEntry> model_table() {
  static constexpr std::array table{
      ModelEntry{"mnist_cnn", "the course's convolutional network",
                 [](Generator& generator) -> std::unique_ptr<Model> {
                   return std::make_unique<MnistCnn>(generator);
                 }},
      ModelEntry{"mlp", "784-200-200-10 with relu, the 2NN of McMahan et al. 2017",
                 [](Generator& generator) -> std::unique_ptr<Model> {
                   return std::make_unique<Mlp>(std::array<index, 4>{784, 200, 200, 10}, generator);
                 }},
  };
  return table;
}

}  // namespace nn
