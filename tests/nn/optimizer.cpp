#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/gradient_norm.h"
#include "nn/optimizer.h"
#include "nn/random.h"
#include "nn/team.h"
#include "tests/nn/goldens.h"
#include "tests/nn/numbers.h"

namespace {

using nlohmann::json;
using nn::real;
using tests::goldens, tests::largest_difference;

constexpr bool is_double = sizeof(real) == 8;

std::vector<real> numbers_of(const json& golden) {
  std::vector<real> values;
  for (double value : golden) values.push_back(static_cast<real>(value));
  return values;
}

std::unique_ptr<nn::Optimizer> make(const std::string& name, const json& options) {
  const double rate = options["lr"], decay = options.value("weight_decay", 0.0);
  if (name == "sgd")
    return std::make_unique<nn::Sgd>(rate, nn::SgdOptions{options.value("momentum", 0.0), decay,
                                                          options.value("nesterov", false)});
  nn::AdamOptions adam;
  adam.weight_decay = decay;
  adam.is_decay_decoupled = name == "adamw";
  return std::make_unique<nn::Adam>(rate, adam);
}

// Copies an optimizer's state to another of its kind, array by array, by name.
void continue_from(nn::Optimizer& one, nn::Optimizer& other, std::size_t size) {
  const nn::Optimizer::State from = one.state(size), to = other.state(size);
  REQUIRE(from.arrays.size() == to.arrays.size());
  for (std::size_t i = 0; i < from.arrays.size(); ++i) {
    CHECK(std::string(from.arrays[i].name) == to.arrays[i].name);
    REQUIRE(from.arrays[i].values.size() == size);
    std::ranges::copy(from.arrays[i].values, to.arrays[i].values.begin());
  }
  to.steps = from.steps;
}

TEST_CASE("every optimizer takes the steps of torch.optim") {
  const std::vector<real> start = numbers_of(goldens("optimizers.json", "start"));
  const json gradients = goldens("optimizers.json", "gradients");
  for (const json& row : goldens("optimizers.json", "optimizers")) {
    const std::string name = row["optimizer"], options = row["options"].dump();
    CAPTURE(name);
    CAPTURE(options);
    const auto optimizer = make(name, row["options"]);
    std::vector<real> values = start;
    for (std::size_t step = 0; step < gradients.size(); ++step) {
      CAPTURE(step);
      optimizer->step(values, numbers_of(gradients[step]));
      CHECK(largest_difference(values, numbers_of(row["values_after_each_step"][step])) <
            (is_double ? 1e-12 : 1e-6));
    }
  }
}

TEST_CASE("clip_gradients does what clip_grad_norm_ does") {
  for (const json& row : goldens("optimizers.json", "clip_grad_norm")) {
    std::vector<real> gradients = numbers_of(row["gradient"]);
    const double norm = nn::clip_gradients(gradients, row["maximum"]);
    CHECK(norm == doctest::Approx(row["norm"].get<double>()).scale(0).epsilon(1e-6));
    CHECK(largest_difference(gradients, numbers_of(row["clipped"])) < (is_double ? 1e-12 : 1e-6));
  }
}

TEST_CASE("a sum of squares has the same bits for any number of threads") {
  nn::Team alone;
  for (std::size_t size : {0, 1, 15, 17, 65536, 200'001}) {
    std::vector<real> values(size);
    nn::Generator(3).uniform(values, -1, 1);
    long double expected = 0;
    for (real value : values) expected += static_cast<long double>(value) * value;
    const double sum = nn::sum_of_squares(values, alone);
    CHECK(sum == doctest::Approx(static_cast<double>(expected)).epsilon(1e-12));
    for (int threads : {2, 5}) {
      nn::Team team(threads);
      CHECK(nn::sum_of_squares(values, team) == sum);
    }
  }
}

TEST_CASE("gradients of zero stay zero when clipped") {
  std::vector<real> gradients(3, 0);
  CHECK(nn::clip_gradients(gradients, 1) == 0);
  CHECK(gradients == std::vector<real>(3, 0));
}

TEST_CASE("the norm of very many or very large gradients is right") {
  std::vector<real> gradients(1'000'000, real(1e-3));
  CHECK(nn::clip_gradients(gradients, 10) == doctest::Approx(1).epsilon(1e-6));
  std::vector<real> large(4, real(1e30));
  CHECK(nn::clip_gradients(large, 1) == doctest::Approx(2e30).epsilon(1e-6));
  CHECK(large[0] == doctest::Approx(0.5).epsilon(1e-6));
}

TEST_CASE("Adam's first step has the length of the learning rate") {
  for (double gradient : {1e-3, 1.0, 1e3}) {
    std::vector<real> values(1, 0);
    nn::Adam(0.01).step(values, std::vector<real>{static_cast<real>(gradient)});
    CHECK(values[0] ==
          doctest::Approx(-0.01 * gradient / (gradient + 1e-8)).scale(0).epsilon(1e-6));
  }
}

TEST_CASE("decoupled decay shrinks a weight without a gradient, coupled decay steps") {
  std::vector<real> decoupled{2}, coupled{2};
  const std::vector<real> none{0};
  nn::Adam(0.1, {.weight_decay = 0.5, .is_decay_decoupled = true}).step(decoupled, none);
  nn::Adam(0.1, {.weight_decay = 0.5}).step(coupled, none);
  CHECK(decoupled[0] == doctest::Approx(1.9));  // 2 (1 - 0.1 0.5)
  CHECK(coupled[0] == doctest::Approx(1.9));    // 2 - 0.1
  nn::Sgd sgd(0.1, {.weight_decay = 0.5});
  std::vector<real> plain{2};
  sgd.step(plain, none);
  CHECK(plain[0] == doctest::Approx(1.9));  // 2 - 0.1 0.5 2
}

TEST_CASE("plain SGD is sgd_step") {
  std::vector<real> one{1, 2, 3}, other = one;
  const std::vector<real> gradients{real(0.5), -1, 0};
  nn::Sgd(0.1).step(one, gradients);
  nn::sgd_step(other, gradients, 0.1);
  CHECK(one == other);
  CHECK(one[0] == 1 - real(0.1) * real(0.5));
}

TEST_CASE("a changed learning rate takes effect at the next step") {
  nn::Sgd sgd(0.5);
  std::vector<real> values{1};
  const std::vector<real> gradients{1};
  sgd.step(values, gradients);
  CHECK(values[0] == real(0.5));
  sgd.set_learning_rate(0.25);
  CHECK(sgd.learning_rate() == 0.25);
  sgd.step(values, gradients);
  CHECK(values[0] == real(0.25));
}

// Adam leaves blocks of weights alone until one of them has a gradient.
TEST_CASE("a weight moves as it would have if a neighbour had moved before it") {
  std::vector<real> alone(1000, 1), beside(1000, 1);
  nn::Adam adam(0.1), other(0.1);
  for (int step = 0; step < 6; ++step) {
    std::vector<real> gradients(1000, 0);
    if (step >= 3) gradients[700] = real(0.5);
    adam.step(alone, gradients);
    gradients[701] = 1;
    other.step(beside, gradients);
    CHECK(alone[700] == beside[700]);
    CHECK((alone[700] == 1) == (step < 3));
  }
  CHECK(alone[701] == 1);
  CHECK(alone[0] == 1);
}

TEST_CASE("loaded moments move weights without a gradient") {
  std::vector<real> values(300, 1);
  nn::Adam adam(0.1), other(0.1);
  adam.step(values, std::vector<real>(300, 1));
  continue_from(adam, other, 300);
  std::vector<real> continued = values;
  adam.step(values, std::vector<real>(300, 0));
  other.step(continued, std::vector<real>(300, 0));
  CHECK(continued == values);
  CHECK(continued[299] < real(0.85));
}

TEST_CASE("every optimizer goes on from its saved state bit for bit, with any number of threads") {
  const json rows = goldens("optimizers.json", "optimizers");
  constexpr std::size_t size = 100'000;
  std::vector<real> start(size), gradients(size);
  for (std::size_t i = 0; i < size; ++i) {
    start[i] = static_cast<real>(i % 17) / 8 - 1;
    gradients[i] = static_cast<real>(i % 23) / 16 - real(0.5);
  }
  for (const json& row : rows) {
    const std::string name = row["optimizer"], options = row["options"].dump();
    CAPTURE(name);
    CAPTURE(options);
    const auto undisturbed = make(name, row["options"]);
    std::vector<real> expected = start;
    for (int step = 0; step < 4; ++step) undisturbed->step(expected, gradients);
    for (int threads : {1, 3}) {
      nn::Team team(threads);
      const auto before = make(name, row["options"]), after = make(name, row["options"]);
      std::vector<real> values = start;
      for (int step = 0; step < 2; ++step) before->step(values, gradients, team);
      continue_from(*before, *after, size);
      CHECK(after->state(size).steps == 2);
      for (int step = 0; step < 2; ++step) after->step(values, gradients, team);
      CHECK(values == expected);
    }
  }
}

TEST_CASE("an optimizer's state has torch.optim's names and starts at zero") {
  const auto names = [](nn::Optimizer&& optimizer) {
    std::string all;
    const nn::Optimizer::State state = optimizer.state(3);
    CHECK(state.steps == 0);
    for (const auto& [name, values] : state.arrays) {
      all += (all.empty() ? "" : " ") + std::string(name);
      CHECK(std::vector<real>(values.begin(), values.end()) == std::vector<real>(3, 0));
    }
    return all;
  };
  CHECK(names(nn::Sgd(0.1)) == "");
  CHECK(names(nn::Sgd(0.1, {.weight_decay = 0.1})) == "");
  CHECK(names(nn::Sgd(0.1, {.momentum = 0.9})) == "momentum_buffer");
  CHECK(names(nn::Adam(0.1)) == "exp_avg exp_avg_sq");
}

TEST_CASE("with weight decay weights without gradients move, too") {
  std::vector<real> values(1000, 1);
  nn::Adam(0.1, {.weight_decay = 0.1}).step(values, std::vector<real>(1000, 0));
  CHECK(values[999] < 1);
}

TEST_CASE("optimizers refuse gradients of another size") {
  std::vector<real> values(3, 1);
  const std::vector<real> gradients(2, 1);
  CHECK_THROWS_AS(nn::sgd_step(values, gradients, 0.1), nn::Error);
  CHECK_THROWS_AS(nn::Sgd(0.1).step(values, gradients), nn::Error);
  CHECK_THROWS_AS(nn::Sgd(0.1, {.momentum = 0.9}).step(values, gradients), nn::Error);
  CHECK_THROWS_AS(nn::Adam(0.1).step(values, gradients), nn::Error);
  CHECK(values == std::vector<real>(3, 1));
}

TEST_CASE("every optimizer finds the bottom of a valley") {
  const nn::SgdOptions nesterov{.momentum = 0.9, .nesterov = true};
  std::unique_ptr<nn::Optimizer> optimizers[] = {
      std::make_unique<nn::Sgd>(0.05), std::make_unique<nn::Sgd>(0.01, nn::SgdOptions{0.9}),
      std::make_unique<nn::Sgd>(0.01, nesterov), std::make_unique<nn::Adam>(0.05)};
  for (const auto& optimizer : optimizers) {
    std::vector<real> at{3, -2};
    for (int step = 0; step < 500; ++step)  // x^2 / 2 + 5 (y - 1)^2
      optimizer->step(at, std::vector<real>{at[0], 10 * (at[1] - 1)});
    CHECK(at[0] == doctest::Approx(0).epsilon(0.01));
    CHECK(at[1] == doctest::Approx(1).epsilon(0.01));
  }
}

TEST_CASE("the learning rate warms up linearly and cools down along a cosine") {
  const nn::LearningRate rate = nn::warmup_cosine_rate(1, 10, 110, 0.1);
  CHECK(rate(0) == doctest::Approx(0.1));
  CHECK(rate(4) == doctest::Approx(0.5));
  CHECK(rate(9) == doctest::Approx(1));
  CHECK(rate(10) == doctest::Approx(1));
  CHECK(rate(60) == doctest::Approx(0.55));
  CHECK(rate(35) == doctest::Approx(0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2));
  CHECK(rate(110) == doctest::Approx(0.1));
  CHECK(rate(1000) == doctest::Approx(0.1));
  for (int step = 10; step < 110; ++step) CHECK(rate(step + 1) < rate(step));

  CHECK(nn::warmup_cosine_rate(1, 0, 10)(0) == 1);
  CHECK(nn::constant_rate(0.3)(7) == 0.3);
  CHECK_THROWS_AS(nn::warmup_cosine_rate(1, 10, 10), nn::Error);
  CHECK_THROWS_AS(nn::warmup_cosine_rate(1, -1, 10), nn::Error);
}

}  // namespace
