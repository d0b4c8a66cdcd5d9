#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/attacks/attacks.h"
#include "fl/server.h"
#include "tests/fl/toy_regression.h"
#include "tests/toy_rounds.h"

namespace {

using toy::is_float, toy::largest_difference, toy::weights_after, toy::with_options;
using toy::Vector, toy::descend, toy::regression, toy::difference_to_reference;

using Samples = std::vector<std::vector<int>>;

int count(const std::vector<int>& chosen, const Samples& samples) {
  int all = 0;
  for (int client : chosen) all += static_cast<int>(samples[client].size());
  return all;
}

// How far so many gradients that are all 1 move a weight, with a learning rate of 1.
double times_of(int steps, double momentum) {
  double velocity = 0, times = 0;
  for (int step = 0; step < steps; ++step) times += velocity = momentum * velocity + 1;
  return times;
}

constexpr auto uncorrected = [](std::size_t) { return 0.0; };

}  // namespace

TEST_CASE("FedNova is FedAvg with equal numbers of steps, and is not with unequal ones") {
  const double tolerance = is_float ? 1e-5 : 1e-13;
  CHECK(largest_difference(weights_after(toy::config("fednova"), 3),
                           weights_after(toy::config("fedavg"), 3)) < tolerance);
  fl::Config nova = regression("fednova", {}), average = regression("fedavg", {});
  CHECK(largest_difference(weights_after(nova, 3), weights_after(average, 3)) > 1e-3);
  nova.training.steps = average.training.steps = 5;  // of clients with unequal samples
  CHECK(largest_difference(weights_after(nova, 3), weights_after(average, 3)) < tolerance);
}

TEST_CASE("FedNova takes the steps of its formula, with momentum, too") {
  for (double momentum : {0.0, 0.9}) {
    fl::Config config = regression("fednova", {});
    config.training.momentum = momentum;
    const double largest = difference_to_reference(
        config, 3,
        [&](const data::ImageSet& images, Vector& w, const std::vector<int>& chosen,
            const Samples& samples) {
          Vector direction(w.size());
          double mean_times = 0;
          for (int client : chosen) {
            Vector local = w;
            const double p = static_cast<double>(samples[client].size()) / count(chosen, samples);
            const int tau = descend(images, samples[client], config.training, local, uncorrected);
            const double times = times_of(tau, momentum);
            for (std::size_t i = 0; i < w.size(); ++i)
              direction[i] += p * (w[i] - local[i]) / times;
            mean_times += p * times;
          }
          for (std::size_t i = 0; i < w.size(); ++i) w[i] -= mean_times * direction[i];
        });
    CHECK(largest < (is_float ? 1e-5 : 1e-13));
  }
}

TEST_CASE("SCAFFOLD takes the steps of its formula, with absent clients and momentum, too") {
  for (double server_rate : {1.0, 0.5})
    for (double momentum : {0.0, 0.9}) {
      fl::Config config = regression("scaffold", {{"server-lr", server_rate}});
      config.training.momentum = momentum;
      Vector c;
      std::map<int, Vector> own;  // of each client
      const double largest = difference_to_reference(
          config, 4,
          [&](const data::ImageSet& images, Vector& w, const std::vector<int>& chosen,
              const Samples& samples) {
            c.resize(w.size());
            Vector change(w.size()), control_change(w.size());
            for (int client : chosen) {
              Vector local = w, &ci = own[client];
              ci.resize(w.size());
              const int steps = descend(images, samples[client], config.training, local,
                                        [&](std::size_t i) { return c[i] - ci[i]; });
              const double scale = 1 / (times_of(steps, momentum) * 0.05);
              for (std::size_t i = 0; i < w.size(); ++i) {
                const double next = ci[i] - c[i] + scale * (w[i] - local[i]);
                change[i] += (local[i] - w[i]) / static_cast<double>(chosen.size());
                control_change[i] += (next - ci[i]) / 5;  // |S| / N of the mean
                ci[i] = next;
              }
            }
            for (std::size_t i = 0; i < w.size(); ++i) {
              w[i] += server_rate * change[i];
              c[i] += control_change[i];
            }
          });
      CHECK(own.size() > 3);
      CHECK(largest < (is_float ? 2e-5 : 1e-12));
    }
}

TEST_CASE("FedDyn takes the steps of its formula, even with unequal and absent clients") {
  for (double alpha : {0.3, 2.0}) {
    Vector h;
    std::map<int, Vector> gradients;  // of each client at its last weights
    const double largest = difference_to_reference(
        regression("feddyn", {{"feddyn-alpha", alpha}}), 4,
        [&](const data::ImageSet& images, Vector& w, const std::vector<int>& chosen,
            const Samples& samples) {
          h.resize(w.size());
          Vector sum(w.size()), mean(w.size());
          for (int client : chosen) {
            Vector local = w, &own = gradients[client];
            own.resize(w.size());
            descend(images, samples[client], {0.05, 40, 2}, local,
                    [&](std::size_t i) { return -own[i] + alpha * (local[i] - w[i]); });
            for (std::size_t i = 0; i < w.size(); ++i) {
              own[i] -= alpha * (local[i] - w[i]);
              sum[i] += local[i] - w[i];
              mean[i] += local[i] / static_cast<double>(chosen.size());
            }
          }
          for (std::size_t i = 0; i < w.size(); ++i) {
            h[i] -= alpha / 5 * sum[i];
            w[i] = mean[i] - h[i] / alpha;
          }
        });
    CHECK(gradients.size() > 3);
    CHECK(largest < (is_float ? 2e-5 : 1e-12));
  }
}

TEST_CASE("q-FedAvg with q = 0 is FedAvg if clients have equally many samples") {
  const auto fedavg = weights_after(toy::config("fedavg"), 3);
  CHECK(largest_difference(weights_after(with_options("qfedavg", {{"q", 0}}), 3), fedavg) <
        (is_float ? 1e-5 : 1e-13));
  CHECK(largest_difference(weights_after(with_options("qfedavg", {{"q", 0.5}}), 3), fedavg) > 1e-3);
}

TEST_CASE("q-FedAvg takes the steps of its formula") {
  for (double q : {0.5, 2.0}) {
    const double largest = difference_to_reference(
        regression("qfedavg", {{"q", q}}), 3,
        [&](const data::ImageSet& images, Vector& w, const std::vector<int>& chosen,
            const Samples& samples) {
          Vector numerator(w.size());
          double denominator = 0;
          const double lipschitz = 1 / 0.05;
          for (int client : chosen) {
            const double loss = toy::loss_of(images, samples[client], w).value;
            Vector local = w;
            descend(images, samples[client], {0.05, 40, 2}, local, uncorrected);
            double square = 0;
            for (std::size_t i = 0; i < w.size(); ++i) {
              const double change = lipschitz * (w[i] - local[i]);
              numerator[i] += std::pow(loss, q) * change;
              square += change * change;
            }
            denominator += q * std::pow(loss, q - 1) * square + lipschitz * std::pow(loss, q);
          }
          for (std::size_t i = 0; i < w.size(); ++i) w[i] -= numerator[i] / denominator;
        });
    CHECK(largest < (is_float ? 1e-5 : 1e-13));
  }
}

TEST_CASE("an attack alters the change of the weights, not what an algorithm sends beside it") {
  for (const char* name : {"scaffold", "fednova", "qfedavg"}) {
    CAPTURE(name);
    const data::ImageDataset dataset = toy::dataset();
    const auto start = weights_after(toy::config(name), 0);
    const auto honest = weights_after(toy::config(name), 1);
    fl::Config config = toy::config(name);
    config.attack = fl::find_attack("reversion");
    config.options = {{"attack-scale", -1}};
    config.malicious.share = 1;
    const auto reversed = weights_after(config, 1);
    double largest = 0;
    for (std::size_t i = 0; i < start.size(); ++i)
      largest = std::max<double>(largest, std::abs(reversed[i] + honest[i] - 2 * start[i]));
    CHECK(largest < (is_float ? 1e-6 : 1e-14));
    CHECK(largest_difference(honest, start) > 1e-3);
  }
}
