#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "fl/defences/defences.h"
#include "fl/privacy/accountant.h"
#include "fl/privacy/clip.h"
#include "nn/base/file.h"
#include "nn/optimizer.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float, toy::largest_difference, toy::weights_after;

fl::Config private_config(fl::OptionValues options, const char* algorithm = "fedavg") {
  fl::Config config = toy::with_options(algorithm, std::move(options));
  config.defence = fl::find_defence("dp");
  return config;
}

// One round's aggregate of these changes. All six clients of the toy problem's round count.
std::vector<real> aggregate_of(fl::Aggregation& dp, const std::vector<std::vector<real>>& changes,
                               int round = 0) {
  dp.start(round);
  for (std::size_t i = 0; i < changes.size(); ++i)
    dp.add({static_cast<int>(i), changes[i], 1 + static_cast<int>(i), 100});
  const auto result = dp.result();
  return {result.begin(), result.end()};
}

}  // namespace

TEST_CASE("epsilon is that of Google's accountant") {
  const auto golden = nlohmann::json::parse(nn::read_file("tests/golden/accountant.json"));
  CHECK(golden.size() == 50);
  for (const auto& row : golden) {
    CAPTURE(row.dump());
    const double expected = row["epsilon"];
    CHECK(fl::epsilon(row["q"], row["noise"], row["rounds"], row["delta"]) ==
          doctest::Approx(expected).epsilon(1e-6));
  }
}

TEST_CASE("epsilon grows with every round and with less noise, and is infinite without noise") {
  CHECK(fl::epsilon(0.1, 1, 0, 1e-5) == 0);
  CHECK(fl::epsilon(0.1, 1, 2, 1e-5) > fl::epsilon(0.1, 1, 1, 1e-5));
  CHECK(fl::epsilon(0.1, 0.9, 1, 1e-5) > fl::epsilon(0.1, 1, 1, 1e-5));
  CHECK(std::isinf(fl::epsilon(0.1, 0, 1, 1e-5)));
  CHECK_THROWS_AS(fl::epsilon(0, 1, 1, 1e-5), nn::Error);
  CHECK_THROWS_AS(fl::epsilon(0.1, 1, 1, 1), nn::Error);
}

TEST_CASE("without noise and with a wide clip, DP-FedAvg is FedAvg for clients of equal size") {
  const auto plain = weights_after(toy::config("fedavg"), 5);
  CHECK(largest_difference(weights_after(private_config({{"dp-clip", 1e9}, {"dp-noise", 0}}), 5),
                           plain) < (is_float ? 1e-5 : 1e-12));
  CHECK(largest_difference(weights_after(private_config({{"dp-clip", 0.01}, {"dp-noise", 0}}), 5),
                           plain) > 1e-3);
}

TEST_CASE(
    "changes are clipped, weighted equally and divided by the number of clients in the round") {
  const fl::Config config = private_config({{"dp-clip", 5}, {"dp-noise", 0}});
  const auto dp = config.defence->make(config);
  const auto mean = aggregate_of(*dp, {{6, 8}, {3, 0}, {0, 0}});
  CHECK(largest_difference(mean, std::vector<double>{6.0 / 6, 4.0 / 6}) < 1e-6);
  CHECK(dp->measures().at("Clip bound") == 5);
  CHECK(std::isinf(dp->measures().at("Epsilon")));
}

TEST_CASE(
    "the noise of the sum has the standard deviation z times the clip, and is new each round") {
  const fl::Config config = private_config({{"dp-clip", 0.5}, {"dp-noise", 2}});
  const auto dp = config.defence->make(config);
  const std::vector<real> zeros(10'000);
  const auto first = aggregate_of(*dp, {zeros}, 0), second = aggregate_of(*dp, {zeros}, 1);
  CHECK(first != second);
  double squares = 0;
  for (real value : first) squares += value * value;
  CHECK(std::sqrt(squares / 10'000) == doctest::Approx(2 * 0.5 / 6).epsilon(0.04));
  CHECK(dp->measures().at("Epsilon") == fl::epsilon(0.5, 2, 2, 1e-5));
}

TEST_CASE("an adaptive clip follows its quantile of the norms") {
  const fl::Config config = private_config(
      {{"dp-clip", 100}, {"dp-noise", 0}, {"dp-clip-quantile", 0.5}, {"dp-clip-rate", 0.2}});
  const auto dp = config.defence->make(config);
  const std::vector<std::vector<real>> norms{{1}, {2}, {3}, {4}, {5}, {6}};
  aggregate_of(*dp, norms);
  CHECK(dp->measures().at("Clip bound") == 100);
  CHECK(dp->state().front().values[0] == doctest::Approx(100 * std::exp(-0.2 * 0.5)));
  for (int round = 1; round < 100; ++round) aggregate_of(*dp, norms, round);
  CHECK(dp->measures().at("Clip bound") > 2.9);
  CHECK(dp->measures().at("Clip bound") < 4.2);
}

TEST_CASE("a client changes what the clip learns by half a count, also by being there or not") {
  const fl::Config config = private_config(
      {{"dp-clip", 4}, {"dp-noise", 0}, {"dp-clip-quantile", 0.5}, {"dp-clip-rate", 1}});
  const auto count_of = [&](const std::vector<std::vector<real>>& norms) {
    const auto dp = config.defence->make(config);
    aggregate_of(*dp, norms);
    return -6 * std::log(dp->state().front().values[0] / 4);
  };
  const double others = count_of({{1}, {2}, {9}, {3}, {8}});
  CHECK(others == doctest::Approx(0.5).epsilon(1e-4));
  CHECK(count_of({{1}, {2}, {9}, {3}, {8}, {1}}) - others == doctest::Approx(0.5).epsilon(1e-4));
  CHECK(count_of({{1}, {2}, {9}, {3}, {8}, {7}}) - others == doctest::Approx(-0.5).epsilon(1e-4));
}

TEST_CASE("the count's noise is paid for by more noise in the sum") {
  const std::vector<real> zeros(10'000);
  const auto stddev_of_sum = [&](double quantile) {
    const fl::Config config = private_config({{"dp-noise", 2}, {"dp-clip-quantile", quantile}});
    const auto dp = config.defence->make(config);
    double squares = 0;
    for (real value : aggregate_of(*dp, {zeros})) squares += value * value;
    return 6 * std::sqrt(squares / 10'000);
  };
  // The count's is 2, too: (2^-2 - 4^-2)^(-1/2).
  CHECK(stddev_of_sum(0.5) == doctest::Approx(std::sqrt(16.0 / 3)).epsilon(0.04));
}

TEST_CASE("a round says the epsilon of all rounds so far") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(private_config({{"dp-clip-quantile", 0.5}, {"dp-noise", 0.1}}), dataset);
  for (int rounds = 1; rounds <= 3; ++rounds)
    CHECK(server.play_round().measures.at("Epsilon") == fl::epsilon(0.5, 0.1, rounds, 1e-5));
}

TEST_CASE("clipping leaves short vectors alone and shortens long ones to the bound") {
  CHECK(fl::clip_factor(std::vector<real>{3, 4}, 5) == 1);
  CHECK(fl::clip_factor(std::vector<real>{3, 4}, 2) == doctest::Approx(0.4));
  CHECK(fl::clip_factor(std::vector<real>{0, 0}, 2) == 1);
}

TEST_CASE("local privacy clips each client's update and adds noise to it") {
  fl::Config config = toy::config("fedavg", 2);
  config.fraction = 1e-9;  // one client a round: what it sends is what the server gets
  const auto before = weights_after(config, 0);
  const auto norm_after = [&](fl::LocalPrivacy privacy) {
    config.local_privacy = privacy;
    const auto after = weights_after(config, 1);
    double squares = 0;
    for (std::size_t i = 0; i < after.size(); ++i)
      squares += (after[i] - before[i]) * (after[i] - before[i]);
    return std::sqrt(squares);
  };
  const double free = norm_after({});
  CHECK(free > 0.02);
  CHECK(norm_after({1e6, 0}) == doctest::Approx(free).epsilon(1e-3));
  CHECK(norm_after({0.01, 0}) == doctest::Approx(0.01).epsilon(1e-3));
  CHECK(norm_after({0.01, 10}) ==
        doctest::Approx(0.1 * std::sqrt(static_cast<double>(before.size()))).epsilon(0.1));
}
