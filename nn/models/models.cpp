#include "nn/models/models.h"

#include <array>
#include <memory>
#include <span>

#include "nn/model.h"
#include "nn/models/mlp.h"
#include "nn/models/mnist_cnn.h"
#include "nn/random.h"
#include "nn/tensor.h"

namespace nn {

std::span<const ModelEntry> model_table() {
  static constexpr std::array table{
      ModelEntry{
          "mnist_cnn", "the course's convolutional network",
          [](InputShape input, index classes, Generator& generator) -> std::unique_ptr<Model> {
            return std::make_unique<MnistCnn>(input, classes, generator);
          }},
      ModelEntry{
          "mlp", "two hidden layers of 200 with relu, the 2NN of McMahan et al. 2017",
          [](InputShape input, index classes, Generator& generator) -> std::unique_ptr<Model> {
            const std::array widths{input.size(), index{200}, index{200}, classes};
            return std::make_unique<Mlp>(widths, generator);
          }},
  };
  return table;
}

}  // namespace nn
