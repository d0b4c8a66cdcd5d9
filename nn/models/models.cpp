#include "nn/models/models.h"

#include <array>
#include <memory>
#include <span>

#include "nn/model.h"
#include "nn/models/cifar_cnn.h"
#include "nn/models/gpt2/gpt2.h"
#include "nn/models/language_model.h"
#include "nn/models/lenet.h"
#include "nn/models/llama/llama.h"
#include "nn/models/mlp.h"
#include "nn/models/mnist_cnn.h"
#include "nn/models/resnet.h"
#include "nn/models/text_model.h"
#include "nn/random.h"
#include "nn/tensor.h"

namespace nn {

namespace {

using Made = std::unique_ptr<Model>;

bool images(InputKind kind) { return kind == InputKind::images; }
bool numbers(InputKind kind) { return kind != InputKind::text; }
bool text(InputKind kind) { return kind == InputKind::text; }

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

Made resnet8(InputShape input, index classes, Generator& generator) {
  return std::make_unique<ResNet8>(input, classes, generator);
}

template <ModelFamily (*family)()>
Made text_model(InputShape input, index classes, Generator& generator) {
  return std::make_unique<TextModel>(family(), input.width, classes, generator);
}

}  // namespace

std::span<const ModelEntry> model_table() {
  static constexpr std::array table{
      ModelEntry{"mnist_cnn", "the course's convolutional network", mnist_cnn, images},
      ModelEntry{"mlp", "two hidden layers of 200 with relu, the 2NN of McMahan et al. 2017", mlp,
                 numbers},
      ModelEntry{"logistic", "logistic regression", logistic, numbers},
      ModelEntry{"mcmahan_cnn", "the CNN of McMahan et al. 2017", lenet<LeNet::mcmahan>, images},
      ModelEntry{"niid_cnn", "the CNN of NIID-Bench (Li et al. 2022)", lenet<LeNet::niid>, images},
      ModelEntry{"cifar_cnn", "three convolutions with group normalisation",
                 cifar_cnn<CifarCnn::Norm::group>, images},
      ModelEntry{"cifar_cnn_bn", "the same with batch normalisation",
                 cifar_cnn<CifarCnn::Norm::batch>, images},
      ModelEntry{"resnet8", "a residual network of eight layers with group normalisation", resnet8,
                 images},
      ModelEntry{"llama", "a LLaMA of two layers, 64 wide, for text", text_model<llama_family>,
                 text},
      ModelEntry{"gpt2", "a GPT-2 of two layers, 64 wide, for text", text_model<gpt2_family>, text},
  };
  return table;
}

}  // namespace nn
