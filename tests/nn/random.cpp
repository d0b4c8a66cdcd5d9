#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "nn/models/mnist_cnn.h"
#include "nn/random.h"
#include "tests/nn/goldens.h"

// Numbers drawn by PyTorch (tests/golden/make_random.py).
namespace {

using nlohmann::json;
using nn::Generator, nn::real;
using tests::goldens, tests::seed_of;

std::vector<double> hexadecimals(const json& golden) {
  std::vector<double> values;
  for (const json& text : golden) values.push_back(std::stod(text.get<std::string>()));
  return values;
}

std::vector<double> uniform(Generator& generator, int count, double low, double high) {
  std::vector<real> values(count);
  generator.uniform(values, low, high);
  return {values.begin(), values.end()};
}

std::vector<double> normal(Generator& generator, int count) {
  std::vector<real> values(count);
  generator.normal(values, 0, 1);
  return {values.begin(), values.end()};
}

TEST_CASE("the generator gives PyTorch's outputs, uniform numbers and permutations") {
  for (const json& golden : goldens("random.json", "torch")) {
    const std::uint64_t seed = seed_of(golden);
    CAPTURE(seed);
    Generator generator(seed);
    for (std::uint32_t output : golden["outputs_4"]) CHECK(generator.next32() == output);
    generator.manual_seed(seed);
    CHECK(uniform(generator, 5, 0, 1) == hexadecimals(golden["rand_5"]));
    CHECK(generator.next32() == golden["rand_5_next"]);
    generator.manual_seed(seed);
    CHECK(uniform(generator, 8, -0.3, 0.7) == hexadecimals(golden["uniform_from_-0.3_to_0.7_8"]));
    generator.manual_seed(seed);
    CHECK(uniform(generator, 16, -0.1, 0.25) ==
          hexadecimals(golden["uniform_from_-0.1_to_0.25_16"]));
    generator.manual_seed(seed);
    CHECK(generator.permutation(10) == golden["randperm_10"].get<std::vector<int>>());
    CHECK(generator.next32() == golden["randperm_10_next"]);
  }
}

TEST_CASE("normal numbers are PyTorch's, below 16 and from 16 on") {
  for (const json& golden : goldens("random.json", "torch")) {
    const std::uint64_t seed = seed_of(golden);
    CAPTURE(seed);
    for (int count : {5, 16, 20, 35}) {
      CAPTURE(count);
      Generator generator(seed);
      const std::vector<double> ours = normal(generator, count);
      const auto theirs = hexadecimals(golden["normal_" + std::to_string(count)]);
      REQUIRE(ours.size() == theirs.size());
      for (std::size_t i = 0; i < ours.size(); ++i)
        CHECK(std::abs(ours[i] - theirs[i]) < (count < 16 ? 1e-7 : 2e-6));
      CHECK(generator.next32() == golden["normal_" + std::to_string(count) + "_next"]);
    }
  }
}

TEST_CASE("an odd normal number waits for the next call and is forgotten by a new seed") {
  Generator one(3), two(3);
  const std::vector<double> six = normal(one, 6);
  std::vector<double> parts = normal(two, 5);
  parts.push_back(normal(two, 1)[0]);
  CHECK(parts == six);
  normal(two, 1);
  two.manual_seed(3);
  CHECK(normal(two, 6) == six);
}

TEST_CASE("mean and deviation of normal numbers are the ones asked for") {
  for (int count : {10, 100'000}) {
    Generator generator(4);
    double sum = 0, squares = 0;
    const int draws = 100'000 / count;
    std::vector<real> values(count);
    for (int draw = 0; draw < draws; ++draw) {
      generator.normal(values, 2, 3);
      for (double value : values) sum += value, squares += value * value;
    }
    const double mean = sum / 100'000;
    CHECK(std::abs(mean - 2) < 0.05);
    CHECK(std::abs(std::sqrt(squares / 100'000 - mean * mean) - 3) < 0.05);
  }
}

TEST_CASE("only the low 32 bits of a seed count") {
  Generator one(7), two((std::uint64_t{1} << 40) + 7);
  CHECK(one.next64() == two.next64());
}

TEST_CASE("a 64-bit draw is two outputs, high half first, and never a negative number") {
  Generator one(7), two(7);
  const std::uint64_t high = one.next32(), low = one.next32();
  CHECK(two.next64() == (high << 32 | low));
  for (int i = 0; i < 100; ++i) CHECK(one.random_int64() >= 0);
}

TEST_CASE("outputs taken one by one or many at once are those of the standard's mt19937") {
  for (std::uint32_t seed : {0u, 5489u, 4294967295u}) {
    std::mt19937 twin(seed);
    Generator generator(seed);
    for (int count : {1, 3, 620, 1, 624, 2000, 0, 7}) {
      std::vector<std::uint32_t> outputs(count), expected(count);
      generator.next32(outputs);
      std::ranges::generate(expected, std::ref(twin));
      CHECK(outputs == expected);
      CHECK(generator.next32() == twin());
    }
  }
}

TEST_CASE("the course's network begins with PyTorch's weights") {
  for (const json& golden : goldens("random.json", "course_cnn")) {
    Generator generator(seed_of(golden));
    const nn::MnistCnn model({1, 28, 28}, 10, generator);
    CHECK(model.parameters().size() == 1'199'882);
    CHECK(model.parameters().infos().size() == golden["tensors"].size());
    for (const auto& [name, tensor] : golden["tensors"].items()) {
      CAPTURE(name);
      const auto* piece = model.parameters().find(name);
      REQUIRE(piece);
      const auto values = model.parameters().values().subspan(piece->offset, piece->shape.size());
      CHECK(std::vector<double>{values[0], values[1]} == hexadecimals(tensor["first_2"]));
      double sum = 0;
      for (double value : values) sum += value;
      CHECK(std::abs(sum - tensor["sum"].get<double>()) < 1e-9);
    }
  }
}

}  // namespace
