#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nn/base/error.h"
#include "nn/models/sample.h"

namespace {

using nn::real;

constexpr int draws = 100'000;
constexpr real infinity = std::numeric_limits<real>::infinity();

std::vector<real> logs(const std::vector<double>& probabilities) {
  std::vector<real> logits;
  for (double p : probabilities) logits.push_back(static_cast<real>(std::log(p) + 3));
  return logits;
}

// Checks each token's frequency against its probability, to five standard deviations.
void check_frequencies(const std::vector<real>& logits, const nn::Sampling& sampling,
                       const std::vector<double>& probabilities) {
  nn::Generator generator(1);
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i) ++counts.at(nn::sample(logits, sampling, generator));
  for (std::size_t token = 0; token < counts.size(); ++token) {
    CAPTURE(token);
    const double p = probabilities[token];
    CHECK(std::abs(counts[token] - draws * p) <= 5 * std::sqrt(draws * p * (1 - p)));
  }
}

const std::vector<double> uneven{0.15, 0.5, 0.05, 0.3};

TEST_CASE("tokens are drawn as often as they are likely") {
  check_frequencies(logs(uneven), {1, 1}, uneven);
  std::vector<double> many(1000, 0.0005);
  many[7] = 0.5005;
  check_frequencies(logs(many), {1, 1}, many);
}

TEST_CASE("temperature sharpens or flattens") {
  for (double temperature : {0.5, 2.0}) {
    std::vector<double> powers;
    double sum = 0;
    for (double p : uneven) sum += powers.emplace_back(std::pow(p, 1 / temperature));
    for (double& p : powers) p /= sum;
    check_frequencies(logs(uneven), {temperature, 1}, powers);
  }
  check_frequencies(logs(uneven), {1e9, 1}, {0.25, 0.25, 0.25, 0.25});
  check_frequencies(logs(uneven), {1e-9, 1}, {0, 1, 0, 0});
  check_frequencies(logs(uneven), {5e-324, 1}, {0, 1, 0, 0});
}

TEST_CASE("the nucleus is the smallest set of likeliest tokens that reaches top_p") {
  check_frequencies(logs(uneven), {1, 0.49}, {0, 1, 0, 0});
  check_frequencies(logs(uneven), {1, 0.51}, {0, 0.625, 0, 0.375});
  check_frequencies(logs(uneven), {1, 0.79}, {0, 0.625, 0, 0.375});
  check_frequencies(logs(uneven), {1, 0.81}, {0.15 / 0.95, 0.5 / 0.95, 0, 0.3 / 0.95});
  check_frequencies(logs(uneven), {1, 0.96}, uneven);
  check_frequencies(logs(uneven), {1, 1e-300}, {0, 1, 0, 0});
}

TEST_CASE("the nucleus is chosen after the temperature") {
  // At temperature 1/2 the largest has 0.25 / 0.365 = 0.68 of the probability.
  check_frequencies(logs(uneven), {0.5, 0.67}, {0, 1, 0, 0});
  check_frequencies(logs(uneven), {1, 0.67}, {0, 0.625, 0, 0.375});
}

TEST_CASE("top_k keeps the most likely tokens, and the nucleus is chosen among them") {
  check_frequencies(logs(uneven), {1, 1, 1}, {0, 1, 0, 0});
  check_frequencies(logs(uneven), {1, 1, 2}, {0, 0.625, 0, 0.375});
  check_frequencies(logs(uneven), {1, 0.62, 2}, {0, 1, 0, 0});  // of 0.625 and 0.375
  check_frequencies(logs(uneven), {1, 0.63, 2}, {0, 0.625, 0, 0.375});
  check_frequencies(logs(uneven), {1, 1, 100}, uneven);
}

TEST_CASE("temperature 0 takes the first of the largest and draws nothing") {
  nn::Generator generator(1), untouched(1);
  CHECK(nn::sample(std::vector<real>{1, 3, 2, 3}, {0, 1}, generator) == 1);
  CHECK(nn::sample(std::vector<real>{-infinity, -5}, {0, 0.5}, generator) == 1);
  CHECK(nn::sample(std::vector<real>{4}, {0, 1}, generator) == 0);
  CHECK(generator.next64() == untouched.next64());
}

TEST_CASE("among equally likely tokens the first enter the nucleus") {
  check_frequencies(std::vector<real>(4, 2), {1, 0.4}, {0.5, 0.5, 0, 0});
}

TEST_CASE("a token of score minus infinity is never drawn, and large scores do no harm") {
  check_frequencies({-infinity, 1000, 1000, -infinity}, {1, 1}, {0, 0.5, 0.5, 0});
  check_frequencies({-infinity, -1e30, -infinity}, {1, 0.9}, {0, 1, 0});
  check_frequencies({1e30, 0}, {1, 1}, {1, 0});
}

TEST_CASE("the same seed draws the same tokens") {
  nn::Generator one(5), two(5), other(6);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const int token = nn::sample(logs(uneven), {1, 0.99}, one);
    CHECK(token == nn::sample(logs(uneven), {1, 0.99}, two));
    same += token == nn::sample(logs(uneven), {1, 0.99}, other);
  }
  CHECK(same < 100);
}

TEST_CASE("meaningless scores and settings are refused") {
  nn::Generator generator(1);
  const std::vector<real> good{1, 2};
  for (double temperature : {-0.1, double{-infinity}, double{infinity}, std::nan("")})
    CHECK_THROWS_AS(nn::sample(good, {temperature, 1}, generator), nn::Error);
  for (double top_p : {0.0, -0.5, 1.01, std::nan("")})
    CHECK_THROWS_AS(nn::sample(good, {1, top_p}, generator), nn::Error);
  CHECK_THROWS_AS(nn::sample(good, {1, 1, -1}, generator), nn::Error);
  const real nan = std::numeric_limits<real>::quiet_NaN();
  for (double temperature : {0.0, 1.0})
    for (const std::vector<real>& scores :
         {std::vector<real>{1, nan}, {nan}, {}, {infinity, 1}, {-infinity, -infinity}})
      CHECK_THROWS_AS(nn::sample(scores, {temperature, 1}, generator), nn::Error);
}

}  // namespace
