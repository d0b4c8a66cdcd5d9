#include "nn/models/models.h"

#include <array>
#include <memory>
#include <span>

#include "nn/model.h"
#include "nn/models/cifar_cnn.h"
#include "nn/models/lenet.h"
#include "nn/models/mlp.h"
#include "nn/models/mnist_cnn.h"
#include "nn/random.h"
#include "nn/tensor.h"

namespace nn {

namespace {

using Made = std::unique_ptr<Model>;

Made mnist_cnn(InputShape input, index classes, Generator& generator) {
  return std::make_unique<MnistCnn>(input, classes, generator);
}

Made mlp(InputShape input, index classes, Generator& generator) {
  const std::array widths{input.size(), index{200}, index{200}, classes};
  return std::make_unique<Mlp>(widths, generator);
}

Made logistic(InputShape input, index classes, Generator& generator) {
  const std::array widths{input.size(), classes};
  return std::make_unique<Mlp>(widths, generator);
}

template <LeNet::Sizes (*sizes)()>
Made lenet(InputShape input, index classes, Generator& generator) {
  return std::make_unique<LeNet>(sizes(), input, classes, generator);
}

template <CifarCnn::Norm norm>
Made cifar_cnn(InputShape input, index classes, Generator& generator) {
  return std::make_unique<CifarCnn>(norm, input, classes, generator);
}

}  // namespace

std::span<const ModelEntry> model_table() {
  static constexpr std::array table{
      ModelEntry{"mnist_cnn", "the course's convolutional network", mnist_cnn},
      ModelEntry{"mlp", "two hidden layers of 200 with relu, the 2NN of McMahan et al. 2017", mlp},
      ModelEntry{"logistic", "logistic regression", logistic},
      ModelEntry{"mcmahan_cnn", "the CNN of McMahan et al. 2017", lenet<LeNet::mcmahan>},
      ModelEntry{"niid_cnn", "the CNN of NIID-Bench (Li et al. 2022)", lenet<LeNet::niid>},
      ModelEntry{"cifar_cnn", "three convolutions with group normalisation",
                 cifar_cnn<CifarCnn::Norm::group>},
      ModelEntry{"cifar_cnn_bn", "the same with batch normalisation",
                 cifar_cnn<CifarCnn::Norm::batch>},
  };
  return table;
}

}  // namespace nn
