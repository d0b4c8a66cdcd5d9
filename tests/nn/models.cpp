#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <ranges>
#include <string_view>

#include "nn/models/mlp.h"
#include "nn/models/mnist_cnn.h"
#include "nn/models/models.h"
#include "nn/optimizer.h"
#include "tests/complaint.h"
#include "tests/nn/numbers.h"

namespace {

using nn::Generator, nn::index, nn::real, nn::Shape, nn::Tape, nn::Tensor, nn::Var;
using tests::largest_difference;

Tensor random_images(index count, std::uint64_t seed = 1) {
  Tensor images({count, 1, 28, 28});
  Generator(seed).uniform(images.span(), -1, 1);
  return images;
}

std::vector<real> forward(nn::Model& model, const Tensor& x, index first = 0, index count = -1) {
  if (count < 0) count = x.shape()[0];
  const index size = x.size() / x.shape()[0];
  Tape tape;
  const nn::ConstView part{x.view().data + first * size, {count, 1, 28, 28}};
  const Var y = model.forward(tape.constant(part));
  return {y.value().begin(), y.value().end()};
}

bool takes_images(const nn::ModelEntry& entry) { return entry.takes(nn::InputKind::images); }

TEST_CASE("every model of images turns them into log-probabilities") {
  CHECK(std::ranges::count_if(nn::model_table(), takes_images) >= 2);
  for (const nn::ModelEntry& entry : nn::model_table() | std::views::filter(takes_images)) {
    CAPTURE(entry.name);
    CHECK(!entry.description.empty());
    Generator generator(10);
    const auto model = entry.make({1, 28, 28}, 10, generator);
    Tape tape;
    const Tensor images = random_images(3);
    const Var y = model->forward(tape.constant(images));
    CHECK(y.shape() == Shape{3, 10});
    for (index row = 0; row < 3; ++row) {
      double sum = 0;
      for (index j = 0; j < 10; ++j) sum += std::exp(y.value()[row * 10 + j]);
      CHECK(sum == doctest::Approx(1));
    }
    tape.backward(nll_loss(y, std::vector{1, 2, 3}));
    for (const auto& info : model->parameters().infos()) {  // everything takes part
      CAPTURE(info.name);
      CHECK(std::ranges::any_of(
          model->parameters().gradients().subspan(info.offset, info.shape.size()),
          [](real gradient) { return gradient != 0; }));
    }
  }
}

TEST_CASE("every model of images takes any shape, or says that the images are too small") {
  const nn::InputShape shapes[] = {{3, 32, 32}, {1, 6, 6},   {2, 7, 9},  {4, 33, 12}, {1, 28, 5},
                                   {3, 1, 1},   {1, 16, 15}, {2, 8, 16}, {1, 4, 16}};
  const std::map<std::string_view, index> smallest{{"mnist_cnn", 6},
                                                   {"mcmahan_cnn", 4},
                                                   {"niid_cnn", 16},
                                                   {"cifar_cnn", 8},
                                                   {"cifar_cnn_bn", 8}};
  for (const nn::ModelEntry& entry : nn::model_table() | std::views::filter(takes_images))
    for (const nn::InputShape& shape : shapes) {
      CAPTURE(entry.name);
      CAPTURE(shape.height);
      CAPTURE(shape.width);
      Generator generator(10);
      const auto found = smallest.find(entry.name);
      if (found != smallest.end() && std::min(shape.height, shape.width) < found->second) {
        const std::string complaint = complaint_of([&] { entry.make(shape, 7, generator); });
        CHECK(complaint.starts_with(nn::concat(entry.name, ": images of ")));
        CHECK(complaint.find("too small") != complaint.npos);
        continue;
      }
      const auto model = entry.make(shape, 7, generator);
      Tensor images({2, shape.channels, shape.height, shape.width});
      generator.uniform(images.span(), -1, 1);
      Tape tape;
      const Var y = model->forward(tape.constant(images));
      CHECK(y.shape() == Shape{2, 7});
      tape.backward(nll_loss(y, std::vector{6, 0}));
    }
}

TEST_CASE("a replica is the factory called again") {
  for (const nn::ModelEntry& entry : nn::model_table() | std::views::filter(takes_images)) {
    Generator one(10), two(11), three(10);
    const nn::InputShape mnist{1, 28, 28};
    const auto model = entry.make(mnist, 10, one), replica = entry.make(mnist, 10, two),
               same = entry.make(mnist, 10, three);
    CHECK(std::ranges::equal(model->parameters().values(), same->parameters().values()));
    CHECK(!std::ranges::equal(model->parameters().values(), replica->parameters().values()));
    std::ranges::copy(model->parameters().values(), replica->parameters().values().begin());
    CHECK(forward(*model, random_images(2)) == forward(*replica, random_images(2)));
  }
}

TEST_CASE("the course's network has PyTorch's names and shapes") {
  Generator generator(10);
  const nn::MnistCnn model({1, 28, 28}, 10, generator);
  const std::pair<const char*, Shape> expected[] = {
      {"conv1.weight", {32, 1, 3, 3}},  {"conv1.bias", {32}},
      {"conv2.weight", {64, 32, 3, 3}}, {"conv2.bias", {64}},
      {"fc1.weight", {128, 9216}},      {"fc1.bias", {128}},
      {"fc2.weight", {10, 128}},        {"fc2.bias", {10}}};
  REQUIRE(model.parameters().infos().size() == std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    CHECK(model.parameters().infos()[i].name == expected[i].first);
    CHECK(model.parameters().infos()[i].shape == expected[i].second);
  }
}

TEST_CASE("dropout drops in training only, by the masks it is given") {
  Generator generator(10), mask_generator(3), same_generator(3);
  nn::MnistCnn model({1, 28, 28}, 10, generator);
  const Tensor images = random_images(4);
  const std::vector<real> calm = forward(model, images);
  CHECK(forward(model, images) == calm);

  nn::DropoutMasks masks, same;
  masks.start_batch(mask_generator, 4);
  model.train(masks);
  const std::vector<real> trained = forward(model, images);
  CHECK(trained != calm);
  CHECK(forward(model, images) == trained);  // the batch's masks stay
  masks.start_batch(mask_generator, 4);
  CHECK(forward(model, images) != trained);
  same.start_batch(same_generator, 4);
  model.train(same);
  CHECK(forward(model, images) == trained);
  model.evaluate();
  CHECK(forward(model, images) == calm);
}

TEST_CASE("the course's network drops a quarter of the features and a half of the last ones") {
  Generator generator(10), mask_generator(3);
  nn::MnistCnn model({1, 28, 28}, 10, generator);
  nn::DropoutMasks masks;
  masks.start_batch(mask_generator, 16);
  model.train(masks);
  forward(model, random_images(16));
  const auto share_kept = [&](int layer, index columns) {
    const nn::MaskView mask = masks.mask(layer, 0, columns, 0);  // drawn already
    index kept = 0;
    for (index i = 0; i < 16 * columns; ++i) kept += mask[i];
    return static_cast<double>(kept) / static_cast<double>(16 * columns);
  };
  CHECK(std::abs(share_kept(0, 9216) - 0.75) < 0.01);
  CHECK(std::abs(share_kept(1, 128) - 0.5) < 0.05);
}

TEST_CASE("a batch in parts gives what the whole batch gives") {
  Generator generator(10), mask_generator(3);
  nn::MnistCnn model({1, 28, 28}, 10, generator);
  const Tensor images = random_images(5);
  nn::DropoutMasks masks;
  masks.start_batch(mask_generator, 5);
  model.train(masks);
  const std::vector<real> whole = forward(model, images);
  std::vector<real> parts;
  for (index row = 0; row < 5; row += 2) {
    model.train(masks, row);
    const std::vector<real> more = forward(model, images, row, std::min<index>(2, 5 - row));
    parts.insert(parts.end(), more.begin(), more.end());
  }
  CHECK(largest_difference(parts, whole) < 1e-5);
}

TEST_CASE("an image's result does not depend on its neighbours") {
  Generator generator(10);
  nn::MnistCnn model({1, 28, 28}, 10, generator);
  const Tensor images = random_images(3);
  const std::vector<real> whole = forward(model, images);
  for (index i = 0; i < 3; ++i)
    CHECK(largest_difference(forward(model, images, i, 1),
                             {whole.begin() + i * 10, whole.begin() + i * 10 + 10}) < 1e-5);
}

TEST_CASE("a small network learns which quadrant a point lies in") {
  Generator generator(1);
  nn::Mlp model(std::vector<index>{2, 16, 4}, generator);
  Tensor points({200, 2});
  generator.uniform(points.span(), -1, 1);
  std::vector<int> quadrants(200);
  for (int i = 0; i < 200; ++i) quadrants[i] = 2 * (points[2 * i] > 0) + (points[2 * i + 1] > 0);

  Tape tape;
  nn::Adam adam(0.02);
  double first = 0, last = 0;
  for (int step = 0; step < 200; ++step) {
    tape.reset();
    model.parameters().zero_gradients();
    const Var loss = nll_loss(model.forward(tape.constant(points)), quadrants);
    tape.backward(loss);
    adam.step(model.parameters().values(), model.parameters().gradients());
    last = loss.value()[0];
    if (step == 0) first = last;
  }
  CHECK(first == doctest::Approx(std::log(4)).epsilon(0.3));
  CHECK(last < 0.1);
}

TEST_CASE("the course's network learns one batch by heart") {
  Generator generator(10), mask_generator(3);
  nn::MnistCnn model({1, 28, 28}, 10, generator);
  const Tensor images = random_images(8);
  const std::vector<int> labels{0, 1, 2, 3, 4, 5, 6, 7};
  nn::DropoutMasks masks;
  Tape tape;
  double first = 0, last = 0;
  for (int step = 0; step < 12; ++step) {
    tape.reset();
    model.parameters().zero_gradients();
    masks.start_batch(mask_generator, 8);
    model.train(masks);
    const Var loss = nll_loss(model.forward(tape.constant(images)), labels);
    tape.backward(loss);
    nn::sgd_step(model.parameters().values(), model.parameters().gradients(), 0.1);
    last = loss.value()[0];
    if (step == 0) first = last;
  }
  CHECK(last < first / 2);
}

TEST_CASE("layers name their weights after their place") {
  nn::Parameters parameters;
  Generator generator(1);
  const nn::Scope scope(parameters, generator);
  const nn::Scope block = scope("model")("layers")("3");
  nn::Linear(block("up"), 4, 8);
  nn::Conv2d(block("conv"), 2, 3, 5);
  nn::Embedding(scope("tokens"), 7, 4);
  const nn::LayerNorm norm(scope("norm"), 4);
  const nn::RmsNorm rms(scope("rms"), 4);
  std::vector<std::string> names;
  for (const auto& info : parameters.infos()) names.push_back(info.name);
  CHECK(names == std::vector<std::string>{"model.layers.3.up.weight", "model.layers.3.up.bias",
                                          "model.layers.3.conv.weight", "model.layers.3.conv.bias",
                                          "tokens.weight", "norm.weight", "norm.bias",
                                          "rms.weight"});
  CHECK(parameters.find("model.layers.3.conv.weight")->shape == Shape{3, 2, 5, 5});
  CHECK_THROWS_AS(nn::LayerNorm(scope("norm"), 4), nn::Error);
}

TEST_CASE("fresh norms change a row's scale only, and embeddings are normal numbers") {
  nn::Parameters parameters;
  Generator generator(1);
  const nn::Scope scope(parameters, generator);
  const nn::LayerNorm norm(scope("norm"), 4);
  const nn::RmsNorm rms(scope("rms"), 4);
  const nn::Embedding embedding(scope("tokens"), 100, 50, 0.02);
  Tape tape;
  const Tensor x({1, 4}, {1, 2, 3, 4});
  const nn::ConstView normal = norm(tape.constant(x)).value();
  const nn::ConstView scaled = rms(tape.constant(x)).value();
  for (index i = 0; i < 4; ++i) {
    CHECK(normal[i] == doctest::Approx((x[i] - 2.5) / std::sqrt(1.25)).epsilon(1e-4));
    CHECK(scaled[i] == doctest::Approx(x[i] / std::sqrt(7.5)).epsilon(1e-4));
  }
  const int ids[] = {99, 0};
  const Var rows = embedding(tape, ids);
  CHECK(rows.shape() == Shape{2, 50});
  double squares = 0;
  for (real value : parameters.values().last(5000)) squares += double{value} * value;
  CHECK(std::sqrt(squares / 5000) == doctest::Approx(0.02).scale(0).epsilon(0.05));
}

TEST_CASE("dropout with probability 0 draws no mask") {
  nn::Mode mode;
  const nn::Dropout none(mode, 0), half(mode, 0.5);
  CHECK(mode.dropout_layers == 1);
  Generator generator(1);
  nn::DropoutMasks masks;
  masks.start_batch(generator, 2);
  mode.masks = &masks;
  Tape tape;
  const Tensor ones({2, 40}, std::vector<real>(80, 1));
  const Var x = tape.constant(ones);
  CHECK(none(x).value().data == x.value().data);
  CHECK(std::ranges::count(half(x).value(), real(0)) > 0);
}

}  // namespace
