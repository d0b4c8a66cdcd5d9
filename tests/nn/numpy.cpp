#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/numpy.h"
#include "tests/nn/goldens.h"

// NumPy's draws and sorted orders (tests/golden/make_random.py).
namespace {

using nlohmann::json;
namespace numpy = nn::numpy;
using Integers = std::vector<int>;
using tests::goldens;

double hexadecimal(const json& golden) { return std::stod(golden.get<std::string>()); }

Integers first_8(const Integers& values) { return {values.begin(), values.begin() + 8}; }

TEST_CASE("permutations, choices and uniform numbers are those of default_rng") {
  for (const json& golden : goldens("random.json", "numpy")) {
    const auto seed = golden["seed"].get<std::uint64_t>();
    CAPTURE(seed);
    CHECK(numpy::Generator(seed).permutation(10) == golden["permutation_10"].get<Integers>());
    numpy::Generator shuffler(seed);
    CHECK(first_8(shuffler.permutation(60000)) ==
          golden["permutation_60000_first_8"].get<Integers>());
    CHECK(first_8(shuffler.permutation(200)) ==
          golden["permutation_200_after_60000_first_8"].get<Integers>());

    numpy::Generator chooser(seed);
    for (const json& choice : golden["choice_100_10_three_times"])
      CHECK(chooser.choice(100, 10) == choice.get<Integers>());
    CHECK(numpy::Generator(seed).choice(50, 5) == golden["choice_50_5"].get<Integers>());
    CHECK(numpy::Generator(seed).choice(10, 1) == golden["choice_10_1"].get<Integers>());
    const Integers large = numpy::Generator(seed).choice(60000, 3000);
    CHECK(first_8(large) == golden["choice_60000_3000_first_8"].get<Integers>());
    CHECK(std::accumulate(large.begin(), large.end(), 0) == golden["choice_60000_3000_sum"]);

    numpy::Generator uniform(seed);
    for (const json& number : golden["random_4"]) CHECK(uniform.random() == hexadecimal(number));
    numpy::Generator mixer(seed);
    const json& mixed = golden["choice_10_1_then_random_then_choice_10_1"];
    CHECK(mixer.choice(10, 1)[0] == mixed[0]);
    CHECK(mixer.random() == hexadecimal(mixed[1]));
    CHECK(mixer.choice(10, 1)[0] == mixed[2]);
  }
}

TEST_CASE("choice changes its method at 10,000 elements and at a fiftieth of them, as NumPy does") {
  const struct {
    int count, chosen;
    Integers first_4;
    std::int64_t sum;
  } table[] = {{20001, 400, {6995, 6459, 15555, 2292}, 3978689},
               {20001, 401, {5359, 6882, 8085, 2106}, 3985649},
               {10000, 9999, {5885, 3329, 9497, 2402}, 49990077},
               {10001, 10001, {7723, 6356, 7536, 6622}, 50005000},
               // so large that every 15th draw is rejected
               {2'000'000'000, 1000, {345201262, 200993244, 913682206, 1759840670}, 991942964189}};
  for (const auto& row : table) {
    Integers choice = numpy::Generator(10).choice(row.count, row.chosen);
    CHECK(std::accumulate(choice.begin(), choice.end(), std::int64_t{0}) == row.sum);
    choice.resize(4);
    CHECK(choice == row.first_4);
  }
}

TEST_CASE("a choice never has an element twice, whatever its size") {
  numpy::Generator generator(1);
  for (const auto& [count, chosen] : {std::pair{10, 0},
                                      {10, 1},
                                      {10, 10},
                                      {1, 1},
                                      {10000, 10000},
                                      {10001, 200},
                                      {10001, 201},
                                      {20000, 20000}}) {
    CAPTURE(count);
    CAPTURE(chosen);
    const Integers choice = generator.choice(count, chosen);
    CHECK(choice.size() == static_cast<std::size_t>(chosen));
    CHECK(std::set<int>(choice.begin(), choice.end()).size() == choice.size());
    CHECK(std::ranges::all_of(choice, [count = count](int i) { return i >= 0 && i < count; }));
  }
}

TEST_CASE("a permutation has every number once") {
  for (int count : {0, 1, 2, 1000}) {
    Integers order = numpy::Generator(2).permutation(count);
    std::ranges::sort(order);
    Integers expected(count);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(order == expected);
  }
}

TEST_CASE("argsort leaves equal keys in NumPy's order") {
  const json golden = goldens("random.json", "argsort");
  std::vector<std::uint8_t> keys(100);
  for (int i = 0; i < 100; ++i) keys[i] = static_cast<std::uint8_t>(i * 7 % 10);
  Integers order = nn::numpy::argsort(keys);
  order.resize(20);
  CHECK(order == golden["labels_7i_mod_10_of_100_first_20"].get<Integers>());

  keys.resize(60000);
  for (std::int64_t i = 0; i < 60000; ++i)
    keys[i] = static_cast<std::uint8_t>((i * i * 31 + i * 7) % 10);
  order = nn::numpy::argsort(keys);
  std::int64_t checksum = 0;
  for (std::int64_t i = 0; i < 60000; ++i) checksum += i * order[i];
  CHECK(checksum % (std::int64_t{1} << 31) == golden["labels_31ii_7i_mod_10_of_60000_checksum"]);
  order.resize(20);
  CHECK(order == golden["labels_31ii_7i_mod_10_of_60000_first_20"].get<Integers>());
}

TEST_CASE("argsort sorts whatever it is given") {
  nn::numpy::Generator generator(3);
  for (int count : {0, 1, 2, 15, 16, 17, 100, 5000})
    for (int distinct : {1, 2, 10, 256})
      for (int pattern = 0; pattern < 4; ++pattern) {  // random, rising, falling, a pipe organ
        std::vector<std::uint8_t> keys(count);
        for (int i = 0; i < count; ++i) {
          const int at = pattern == 2 ? count - i : pattern == 3 ? std::min(i, count - i) : i;
          keys[i] = static_cast<std::uint8_t>(pattern == 0
                                                  ? static_cast<int>(generator.random() * distinct)
                                                  : at * (distinct - 1) / std::max(1, count));
        }
        Integers order = nn::numpy::argsort(keys);
        CHECK(std::ranges::is_sorted(order, {}, [&](int i) { return keys[i]; }));
        std::ranges::sort(order);
        CHECK(std::ranges::adjacent_find(order) == order.end());
        CHECK(order.size() == keys.size());
      }
}

TEST_CASE("array_split gives the first parts one more") {
  for (const json& golden : goldens("random.json", "array_split"))
    CHECK(nn::numpy::array_split_sizes(golden["items"], golden["parts"]) ==
          golden["sizes"].get<Integers>());
}

TEST_CASE("dirichlet shares have the mean and variance of their distribution") {
  constexpr int draws = 20'000, count = 4;
  for (double alpha : {0.1, 0.5, 1.0, 5.0, 100.0}) {
    CAPTURE(alpha);
    numpy::Generator generator(4);
    double sums[count] = {}, squares = 0;
    for (int draw = 0; draw < draws; ++draw) {
      const std::vector<double> shares = generator.dirichlet(alpha, count);
      REQUIRE(std::accumulate(shares.begin(), shares.end(), 0.0) == doctest::Approx(1));
      for (int i = 0; i < count; ++i) sums[i] += shares[i], squares += shares[i] * shares[i];
    }
    for (double sum : sums) CHECK(std::abs(sum / draws - 0.25) < 0.015);
    const double variance = squares / (draws * count) - 0.25 * 0.25;
    CHECK(variance == doctest::Approx(0.25 * 0.75 / (4 * alpha + 1)).scale(0).epsilon(0.02));
  }
}

TEST_CASE("a tiny alpha gives everything to one, but not always to the same one") {
  numpy::Generator generator(5);
  for (double alpha : {1e-3, 1e-6, 1e-300}) {
    CAPTURE(alpha);
    double sums[5] = {};
    for (int draw = 0; draw < 1000; ++draw) {
      const std::vector<double> shares = generator.dirichlet(alpha, 5);
      REQUIRE(std::accumulate(shares.begin(), shares.end(), 0.0) == doctest::Approx(1));
      REQUIRE(std::ranges::all_of(shares, [](double share) { return share >= 0; }));
      for (int i = 0; i < 5; ++i) sums[i] += shares[i];
      if (alpha < 1e-5) CHECK(*std::ranges::max_element(shares) == doctest::Approx(1));
    }
    for (double sum : sums) CHECK(std::abs(sum - 200) < 60);
  }
  CHECK(generator.dirichlet(1e-300, 1) == std::vector<double>{1});
}

}  // namespace

TEST_CASE("the logarithms of log-normal numbers are normal") {
  nn::numpy::Generator generator(7);
  double sum = 0, squares = 0;
  constexpr int count = 20000;
  for (const double value : generator.lognormal(2, count)) {
    sum += std::log(value);
    squares += std::log(value) * std::log(value);
  }
  CHECK(std::abs(sum / count) < 0.05);
  CHECK(std::sqrt(squares / count) == doctest::Approx(2).epsilon(0.02));
}

TEST_CASE("more elements than there are cannot be chosen") {
  nn::numpy::Generator generator(1);
  CHECK_THROWS_AS(generator.choice(5, 6), nn::Error);
  CHECK_THROWS_AS(generator.choice(20000, 20001), nn::Error);
  CHECK(generator.choice(5, 5).size() == 5);
}
