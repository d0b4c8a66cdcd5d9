#include "tools/bench/multiplications.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nn/models/models.h"
#include "nn/random.h"
#include "tools/bench/models.h"

namespace bench {

TEST_CASE("a linear layer multiplies once forwards and once for each gradient") {
  const LayerSize first{784, 200}, second{200, 10};
  CHECK(testing_flops(std::vector{first, second}) == 2 * (784 * 200 + 200 * 10));
  CHECK(training_flops(std::vector{first, second}) == 2 * (2 * 784 * 200 + 3 * 200 * 10));
}

TEST_CASE("a convolution without Winograd's method multiplies as its formula says") {
  const double formula = 16.0 * 16 * 32 * 16 * 9;
  CHECK(testing_flops(std::vector{LayerSize{16, 32, 16, 3, 2}}) == 2 * formula);  // strided
  CHECK(training_flops(std::vector{LayerSize{16, 32, 16, 3, 2}}) == 2 * 2 * formula);
  CHECK(testing_flops(std::vector{LayerSize{3, 32, 16, 3}}) == 2 * 3 * 256 * 32 * 9);
  CHECK(testing_flops(std::vector{LayerSize{16, 32, 16, 1}}) == 2 * 256 * 16 * 32);
}

TEST_CASE("Winograd's method takes 36 for a tile of 4 x 4 outputs, and 16 for one of 2 x 2") {
  const std::vector whole{LayerSize{32, 64, 24, 3}}, odd{LayerSize{32, 64, 25, 3}};
  CHECK(testing_flops(whole) == 2 * 36 * 36 * 32 * 64);
  CHECK(testing_flops(odd) == 2 * 49 * 36 * 32 * 64);  // an incomplete tile is computed, too
  CHECK(training_flops(whole) == 2 * (144 * 16 + 36 * 36) * 32 * 64);
  const std::vector wide{LayerSize{32, 64, 14, 5}};
  CHECK(testing_flops(wide) == 2 * 49 * 36 * 32 * 64);
  CHECK(training_flops(wide) == 2 * 2 * 49 * 36 * 32 * 64);
}

TEST_CASE("the layers that are counted are those of the models") {
  for (const char* name : {"logistic", "mlp", "mcmahan_cnn", "niid_cnn", "cifar_cnn", "resnet8"}) {
    CAPTURE(name);
    const bool has_colours = name == std::string("cifar_cnn") || name == std::string("resnet8");
    const auto entry = std::ranges::find(nn::model_table(), name, &nn::ModelEntry::name);
    nn::Generator generator;
    const auto model = entry->make(
        {has_colours ? 3 : 1, has_colours ? 32 : 28, has_colours ? 32 : 28}, 10, generator);
    nn::index parameters = 0;
    for (const LayerSize& layer : layers_of(name)) {
      parameters += layer.in * layer.out * layer.window * layer.window + layer.out;
      if (has_colours && layer.side > 1) parameters += 2 * layer.out;  // of its group norm
    }
    CHECK(parameters == static_cast<nn::index>(model->parameters().size()));
  }
}

}  // namespace bench
