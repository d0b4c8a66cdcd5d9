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

// Images and text: every model takes one of them.
struct AnyExamples {
  explicit AnyExamples(int count) : images(images_of_16x16(count)), text(16) {
    text.add(std::string(400, 'a'), 0);
  }
  const data::Examples& of(const nn::ModelEntry& model) const {
    if (model.takes(nn::InputKind::text)) return text;
    return images;
  }

  data::ImageSet images;
  data::CharacterWindows text;
};

fl::Config config_of(const nn::ModelEntry& model, const char* algorithm, int threads,
                     const data::Examples& examples) {
  fl::Config config = toy::config(algorithm, threads);
  const nn::index height = examples.kind() == nn::InputKind::text ? 1 : 16;
  config.make_model = [&model, height, classes = examples.class_count()](auto& generator) {
    return model.make({1, height, 16}, classes, generator);
  };
  return config;
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
  const AnyExamples all(24);
  for (const nn::ModelEntry& entry : nn::model_table())
    for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
      CAPTURE(entry.name);
      CAPTURE(algorithm.name);
      const data::Examples& examples = all.of(entry);
      fl::Config config = config_of(entry, std::string(algorithm.name).c_str(), 2, examples);
      config.clients = 4;
      fl::Server server(config, examples, examples);
      const std::vector<real> before(server.weights().begin(), server.weights().end());
      CHECK(server.play_round().excluded.empty());
      CHECK(nn::all_finite(server.weights()));
      CHECK(!std::ranges::equal(server.weights(), before));
    }
}

TEST_CASE("a round with any model of the table has the same bits for any number of threads") {
  const AnyExamples all(200);
  for (const nn::ModelEntry& entry : nn::model_table()) {
    CAPTURE(entry.name);
    const data::Examples& examples = all.of(entry);
    std::vector<real> alone;
    for (const int threads : {1, 3}) {
      fl::Config config = config_of(entry, "fedavg", threads, examples);
      config.clients = 2;  // one in a round: the other threads take parts of its batches
      config.training.batch = 100;
      fl::Server server(config, examples, examples);
      std::vector<real> results{static_cast<real>(server.play_round().measures.at("Test loss"))};
      results.insert(results.end(), server.weights().begin(), server.weights().end());
      results.insert(results.end(), server.buffers().begin(), server.buffers().end());
      if (threads == 1)
        alone = results;
      else
        CHECK(results == alone);
    }
  }
}
