#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/images/images.h"
#include "data/text/characters.h"
#include "nn/base/file.h"
#include "nn/models/models.h"
#include "nn/optimizer.h"
#include "tests/toy.h"

namespace {

using nn::real;

const nn::ModelEntry& entry_called(const std::string& name) {
  const auto found = std::ranges::find(nn::model_table(), name, &nn::ModelEntry::name);
  REQUIRE(found != nn::model_table().end());
  return *found;
}

bool is_near(double a, double b) { return std::abs(a - b) < 2e-5 * (1 + std::abs(b)); }

data::ImageSet images_of_16x16(int count) {
  data::ImageSet set = toy::images(4 * count, 1);
  set.height = set.width = 16;
  set.labels.resize(count);
  return set;
}

}  // namespace

TEST_CASE("outputs, gradients and running statistics of the models are PyTorch's") {
  const auto goldens = nlohmann::json::parse(nn::read_file("tests/golden/models.json"));
  const auto of_images = std::ranges::count_if(
      nn::model_table(), [](const auto& entry) { return entry.takes(nn::InputKind::images); });
  CHECK(std::ssize(goldens) + 1 == of_images);  // mnist_cnn has its own tests
  for (const auto& [name, golden] : goldens.items()) {
    CAPTURE(name);
    const auto shape = golden.at("shape").get<std::vector<nn::index>>();
    nn::Generator generator(10);
    const auto ours = entry_called(name).make({shape[0], shape[1], shape[2]}, 10, generator);
    CHECK(ours->parameters().size() == golden.at("parameters").get<nn::index>());
    nn::Tensor images({4, shape[0], shape[1], shape[2]});
    generator.uniform(images.span(), -1, 1);

    nn::DropoutMasks masks;
    masks.start_batch(generator, 4);
    ours->train(masks);
    nn::Tape tape;
    const nn::Var y = ours->forward(tape.constant(images));
    const auto output = golden.at("output").get<std::vector<double>>();
    REQUIRE(y.value().size() == std::ssize(output));
    for (std::size_t i = 0; i < output.size(); ++i) CHECK(is_near(y.value()[i], output[i]));

    tape.backward(nll_loss(y, std::vector{3, 0, 7, 9}));
    const auto& infos = ours->parameters().infos();
    REQUIRE(infos.size() == golden.at("norms").size());
    for (std::size_t tensor = 0; tensor < infos.size(); ++tensor) {
      CAPTURE(infos[tensor].name);
      const auto gradient =
          ours->parameters().gradients().subspan(infos[tensor].offset, infos[tensor].shape.size());
      double squares = 0, product = 0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        squares += double{gradient[i]} * gradient[i];
        product += gradient[i] * std::cos(static_cast<double>(i));
      }
      CHECK(is_near(std::sqrt(squares), golden.at("norms")[tensor]));
      CHECK(is_near(product, golden.at("products")[tensor]));
    }

    const auto& buffers = ours->parameters().buffer_infos();
    REQUIRE(buffers.size() == golden.at("buffers").size());
    for (std::size_t buffer = 0; buffer < buffers.size(); ++buffer) {
      double sum = 0;
      for (real value : ours->parameters().buffers().subspan(buffers[buffer].offset,
                                                             buffers[buffer].shape.size()))
        sum += value;
      CHECK(is_near(sum, golden.at("buffers")[buffer]));
    }
  }
}

TEST_CASE("the CNN of McMahan et al. has 1,663,370 parameters for MNIST") {
  nn::Generator generator(10);
  CHECK(entry_called("mcmahan_cnn").make({1, 28, 28}, 10, generator)->parameters().size() ==
        1'663'370);
}

TEST_CASE("every model of the table learns a round under every federated algorithm") {
  const data::ImageSet images = images_of_16x16(24);
  data::CharacterWindows text(16);
  text.add(std::string(400, 'a'), 0);
  for (const nn::ModelEntry& entry : nn::model_table())
    for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
      CAPTURE(entry.name);
      CAPTURE(algorithm.name);
      fl::Config config = toy::config(std::string(algorithm.name).c_str(), 2);
      config.clients = 4;
      const bool is_text = entry.takes(nn::InputKind::text);
      const data::Examples& examples = is_text ? static_cast<const data::Examples&>(text) : images;
      config.make_model = [&](nn::Generator& generator) {
        return entry.make({1, is_text ? 1 : 16, 16}, examples.class_count(), generator);
      };
      fl::Server server(config, examples, examples);
      const std::vector<real> before(server.weights().begin(), server.weights().end());
      CHECK(server.play_round().excluded.empty());
      CHECK(nn::all_finite(server.weights()));
      CHECK(!std::ranges::equal(server.weights(), before));
    }
}
