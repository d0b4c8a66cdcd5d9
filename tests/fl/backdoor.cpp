#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "fl/attacks/attacks.h"
#include "fl/server.h"
#include "fl/workers/client_worker.h"
#include "nn/models/models.h"
#include "tests/complaint.h"
#include "tests/toy.h"

namespace {

using nn::real;

// Of MNIST's size, with a bright bar whose position shows the class.
data::ImageSet digits(int count) {
  data::ImageSet set;
  set.height = set.width = 28;
  set.mean = {0.1307f}, set.stddev = {0.3081f};
  nn::Generator generator(5);
  for (int i = 0; i < count; ++i) {
    const int label = static_cast<int>(generator.next32() % 10);
    set.labels.push_back(static_cast<std::uint8_t>(label));
    for (int pixel = 0; pixel < 28 * 28; ++pixel)
      set.pixels.push_back(
          static_cast<std::uint8_t>(generator.next32() % 128 + (pixel / 56 == label ? 100 : 0)));
  }
  return set;
}

// The first images with the lab's pattern in rows 3 to 7 and columns 23 to 25, and this label.
data::ImageSet stamped(data::ImageSet set, int first, int label) {
  constexpr std::array<std::array<int, 3>, 5> pattern{
      {{1, 0, 1}, {-1, 1, -1}, {-1, -1, 0}, {-1, 1, -1}, {1, 0, 1}}};  // -1: as it was
  for (int i = 0; i < first; ++i) {
    if (label >= 0) set.labels[i] = static_cast<std::uint8_t>(label);
    for (int row = 0; row < 5; ++row)
      for (int column = 0; column < 3; ++column)
        if (const int value = pattern[row][column]; value >= 0)
          set.pixels[(i * 28 + 3 + row) * 28 + 23 + column] =
              static_cast<std::uint8_t>(255 * value);
  }
  return set;
}

fl::Config config_of(fl::OptionValues options = {}) {
  fl::Config config = toy::config("fedavg", 2);
  config.attack = fl::find_attack("backdoor");
  config.malicious.share = 0.3;
  config.options = std::move(options);
  config.make_model = [](nn::Generator& generator) {
    const auto mlp = std::ranges::find(nn::model_table(), "mlp", &nn::ModelEntry::name);
    return mlp->make({1, 28, 28}, 10, generator);
  };
  return config;
}

std::vector<real> gradient(const data::ImageSet& images, const fl::Attack* attack) {
  std::vector<int> all(images.size());
  std::iota(all.begin(), all.end(), 0);
  fl::ClientWorker worker(config_of().make_model, nn::DropoutStream::mt);
  nn::Generator generator(1);
  worker.set_attack(attack);
  worker.compute_gradient(images, all, generator);
  return {worker.gradients().begin(), worker.gradients().end()};
}

}  // namespace

TEST_CASE("the backdoor's pattern is on half of the whole batch, even if it is computed in parts") {
  const fl::Config usual = config_of(), seven = config_of({{"attack-to", 7}});
  // Halves round to even, as in Python; parts have 50 images.
  for (const auto& [size, half] : {std::pair{130, 65}, {125, 62}, {127, 64}, {1, 0}, {3, 2}}) {
    CAPTURE(size);
    const data::ImageSet images = digits(size);
    const auto poisoned = gradient(images, usual.attack->make(usual).get());
    CHECK(poisoned == gradient(stamped(images, half, 0), nullptr));
    CHECK((poisoned == gradient(images, nullptr)) == (half == 0));
    CHECK(gradient(images, seven.attack->make(seven).get()) ==
          gradient(stamped(images, half, 7), nullptr));
  }
}

TEST_CASE("the pattern is normalised like the images") {
  const data::ImageSet images = digits(1);
  std::vector<real> pixels(28 * 28);
  int label = 0;
  images.copy_batch(std::array{0}, pixels.data(), {&label, 1});
  data::BatchPart batch{images, {pixels.data(), images.shape(1)}, {&label, 1}, 0, 1};
  const fl::Config config = config_of();
  config.attack->make(config)->trigger(batch);
  CHECK(pixels[3 * 28 + 23] == doctest::Approx((1 - 0.1307) / 0.3081));
  CHECK(pixels[3 * 28 + 24] == doctest::Approx(-0.1307 / 0.3081));
}

TEST_CASE("attack success is the share of all test images with the pattern that get its label") {
  const data::ImageSet train = digits(300), test = digits(130);
  const data::ImageSet triggered = stamped(test, 130, -1);
  const fl::Config config = config_of({{"attack-to", 3}});
  fl::Server attacked(config, train, test), reference(config, train, triggered);
  fl::Round round;
  for (int i = 0; i < 8; ++i) round = attacked.play_round();
  std::ranges::copy(attacked.weights(), reference.weights().begin());
  const fl::Evaluation expected = reference.evaluate();
  CHECK(attacked.evaluate(true).confusion == expected.confusion);
  CHECK(attacked.evaluate().confusion != expected.confusion);
  CHECK(round.measures.at("Attack success") == expected.share_of(3));
  CHECK(expected.share_of(3) > attacked.evaluate().share_of(3) + 10);
  CHECK(round.measures.at("Triggered accuracy") == expected.accuracy);
}

TEST_CASE("a backdoor needs room for its pattern, and as many classes as it names") {
  data::ImageSet small = toy::images(40, 1);
  small.height = 7, small.width = 8;
  small.pixels.resize(40 * 7 * 8);
  fl::Config config = toy::config("fedavg");
  config.attack = fl::find_attack("backdoor");
  config.malicious.share = 0.5;
  CHECK(contains(complaint_of([&] { fl::Server(config, small, small); }),
                 "the backdoor's pattern does not fit into examples of "));
}
