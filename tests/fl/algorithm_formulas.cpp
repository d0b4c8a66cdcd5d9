#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "fl/algorithms/algorithms.h"
#include "fl/server.h"
#include "tests/fl/toy_regression.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float, toy::largest_difference, toy::weights_after, toy::with_options;
using toy::Vector, toy::descend, toy::regression, toy::difference_to_reference;

// The algorithm's step for a round's aggregate, without clients.
std::vector<double> apply_rounds(const fl::Config& config, std::vector<real> weights,
                                 const std::vector<std::vector<real>>& aggregates) {
  const auto algorithm = config.algorithm->make(config, weights.size());
  int round = 0;
  for (const std::vector<real>& aggregate : aggregates) {
    fl::ServerContext server{weights, round++, 10, 5, 0};
    algorithm->apply(server, aggregate);
  }
  return {weights.begin(), weights.end()};
}

}  // namespace

TEST_CASE(
    "FedProx without its pull is FedAvg bit for bit; with it, weights stay nearer the server's") {
  const auto fedavg = weights_after(toy::config("fedavg"), 3);
  CHECK(weights_after(with_options("fedprox", {{"mu", 0}}), 3) == fedavg);
  const auto start = weights_after(toy::config("fedavg"), 0);
  const auto distance = [&](double mu) {
    return largest_difference(weights_after(with_options("fedprox", {{"mu", mu}}), 1), start);
  };
  CHECK(distance(1) < 0.95 * distance(0));
  CHECK(distance(5) < 0.9 * distance(1));
}

TEST_CASE("FedProx takes the steps of its formula") {
  for (double mu : {0.3, 2.0}) {
    const double largest = difference_to_reference(
        regression("fedprox", {{"mu", mu}}), 3,
        [&](const data::ImageSet& images, Vector& w, const std::vector<int>& chosen,
            const auto& samples) {
          Vector next(w.size());
          double all = 0;
          for (int client : chosen) all += static_cast<double>(samples[client].size());
          for (int client : chosen) {
            Vector local = w;
            descend(images, samples[client], {0.05, 40, 2}, local,
                    [&](std::size_t i) { return mu * (local[i] - w[i]); });
            for (std::size_t i = 0; i < w.size(); ++i)
              next[i] += static_cast<double>(samples[client].size()) / all * local[i];
          }
          w = next;
        });
    CHECK(largest < (is_float ? 1e-5 : 1e-13));
  }
}

TEST_CASE("FedAvgM without momentum and with a server rate of 1 is FedAvg") {
  const auto fedavg = weights_after(toy::config("fedavg"), 3);
  const auto same =
      weights_after(with_options("fedavgm", {{"server-momentum", 0}, {"server-lr", 1}}), 3);
  CHECK(largest_difference(same, fedavg) < (is_float ? 1e-5 : 1e-13));
  const auto other = weights_after(with_options("fedavgm", {{"server-momentum", 0.5}}), 3);
  CHECK(largest_difference(other, fedavg) > 1e-3);
}

TEST_CASE("the servers of FedAvgM, FedAdam, FedYogi and FedAdagrad follow their formulas") {
  const std::vector<real> start{1, -2, 0.5f, 0};
  const std::vector<std::vector<real>> means{
      {1.5f, -2, 0.25f, 0.001f}, {1.25f, -1.5f, 0.75f, -0.002f}, {2, -1, 0.5f, 0}};
  const double rate = 0.03, beta1 = 0.8, beta2 = 0.9, tau = 0.01;
  const fl::OptionValues given{{"server-lr", rate}, {"beta1", beta1}, {"tau", tau}};
  const auto expected = [&](auto next_v) {
    Vector w(start.begin(), start.end()), m(4), v(4);
    for (const auto& mean : means)
      for (std::size_t i = 0; i < 4; ++i) {
        const double d = mean[i] - w[i];
        m[i] = beta1 * m[i] + (1 - beta1) * d;
        v[i] = next_v(v[i], d * d);
        w[i] += rate * m[i] / (std::sqrt(v[i]) + tau);
      }
    return w;
  };
  const auto played = [&](const char* name, const fl::OptionValues& options) {
    return apply_rounds(with_options(name, options), start, means);
  };
  fl::OptionValues with_beta2 = given;
  with_beta2["beta2"] = beta2;
  const double tolerance = is_float ? 1e-6 : 1e-14;
  const auto adam = expected([&](double v, double d2) { return beta2 * v + (1 - beta2) * d2; });
  const auto yogi = expected([&](double v, double d2) {
    return v - (1 - beta2) * d2 * (v > d2 ? 1 : v < d2 ? -1 : 0);
  });
  const auto adagrad = expected([](double v, double d2) { return v + d2; });
  CHECK(largest_difference(played("fedadam", with_beta2), adam) < tolerance);
  CHECK(largest_difference(played("fedyogi", with_beta2), yogi) < tolerance);
  CHECK(largest_difference(played("fedadagrad", given), adagrad) < tolerance);
  CHECK(largest_difference(adam, yogi) > 1e-3);  // otherwise the checks above could be mixed up

  for (const bool is_nesterov : {false, true}) {
    Vector w(start.begin(), start.end()), velocity(4);
    for (const auto& mean : means)
      for (std::size_t i = 0; i < 4; ++i) {
        const double d = mean[i] - w[i];
        velocity[i] = 0.7 * velocity[i] + d;
        w[i] += rate * (is_nesterov ? d + 0.7 * velocity[i] : velocity[i]);
      }
    const fl::OptionValues momentum{
        {"server-lr", rate}, {"server-momentum", 0.7}, {"nesterov", is_nesterov}};
    CHECK(largest_difference(played("fedavgm", momentum), w) < tolerance);
  }
}

TEST_CASE("FedAdam's clients are FedAvg's") {
  const auto start = weights_after(toy::config("fedavg"), 0);
  const auto fedavg = weights_after(toy::config("fedavg"), 1);
  const fl::Config config = with_options("fedadam", {});
  CHECK(largest_difference(weights_after(config, 1), apply_rounds(config, start, {fedavg})) == 0);
}

TEST_CASE("SCAFFOLD's first round with a server rate of 1 and equal sizes is FedAvg's") {
  const auto fedavg = weights_after(toy::config("fedavg"), 1);
  CHECK(largest_difference(weights_after(toy::config("scaffold"), 1), fedavg) <
        (is_float ? 1e-6 : 1e-14));
  CHECK(largest_difference(weights_after(toy::config("scaffold"), 2),
                           weights_after(toy::config("fedavg"), 2)) > 1e-3);
}
