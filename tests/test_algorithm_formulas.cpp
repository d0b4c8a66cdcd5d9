#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "fl/algorithms.h"
#include "fl/server.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::largest_difference, toy::weights_after, toy::with_options;
constexpr bool is_float = sizeof(real) == 4;

// What the algorithm makes of a round's aggregate, without clients.
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

// Softmax regression of the toy's images: no dropout, so that a reference can be written by hand.
class Regression : public nn::Model {
 public:
  explicit Regression(nn::Generator& generator) : fc_(scope(generator)("fc"), 64, 4) {}
  nn::Var forward(nn::Var x) override { return nn::log_softmax(fc_(nn::flatten(x))); }

 private:
  nn::Linear fc_;
};

using Vector = std::vector<double>;

// The gradient of softmax regression, with weights [4, 64] and then a bias [4].
Vector gradient_of(const data::ImageSet& images, std::span<const int> samples, const Vector& w) {
  std::vector<real> pixels(samples.size() * 64);
  std::vector<int> labels(samples.size());
  images.copy_batch(samples, pixels.data(), labels);
  Vector gradient(w.size());
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const real* x = pixels.data() + 64 * n;
    Vector p(4);
    double sum = 0;
    for (int label = 0; label < 4; ++label) {
      double score = w[256 + label];
      for (int i = 0; i < 64; ++i) score += w[64 * label + i] * x[i];
      sum += p[label] = std::exp(score);
    }
    for (int label = 0; label < 4; ++label) {
      const double error =
          (p[label] / sum - (label == labels[n])) / static_cast<double>(samples.size());
      for (int i = 0; i < 64; ++i) gradient[64 * label + i] += error * x[i];
      gradient[256 + label] += error;
    }
  }
  return gradient;
}

// Plain local training along g + correction(w_local); returns the number of steps.
int descend(const data::ImageSet& images, std::span<const int> samples,
            const fl::LocalTraining& training, Vector& w,
            const std::function<double(std::size_t i)>& correction) {
  int steps = 0;
  for (int epoch = 0; epoch < training.epochs; ++epoch)
    for (std::size_t first = 0; first < samples.size(); first += training.batch, ++steps) {
      const std::size_t size = std::min<std::size_t>(training.batch, samples.size() - first);
      Vector gradient = gradient_of(images, samples.subspan(first, size), w);
      for (std::size_t i = 0; i < w.size(); ++i) gradient[i] += correction(i);
      for (std::size_t i = 0; i < w.size(); ++i) w[i] -= training.learning_rate * gradient[i];
    }
  return steps;
}

// Five clients of unequal sizes, three of them in a round.
fl::Config regression(const char* algorithm, fl::OptionValues options) {
  fl::Config config = with_options(algorithm, std::move(options));
  config.make_model = [](nn::Generator& generator) {
    return std::make_unique<Regression>(generator);
  };
  config.clients = 5;
  config.fraction = 0.6;
  config.partition = {.split = fl::Split::dirichlet, .alpha = 1};
  config.training = {0.05, 40, 2};
  return config;
}

// Plays rounds by a reference, round(w, clients of the round, their samples), beside the server.
double difference_to_reference(
    const fl::Config& config, int rounds,
    const std::function<void(const data::ImageSet&, Vector& w, const std::vector<int>& chosen,
                             const std::vector<std::vector<int>>& samples)>& reference) {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(config, dataset);
  Vector w(server.weights().begin(), server.weights().end());
  const auto samples =
      fl::split_samples(dataset.train.labels, config.clients, config.partition, config.seed);
  nn::numpy::Generator choices(config.seed);
  double largest = 0;
  for (int round = 0; round < rounds; ++round) {
    reference(dataset.train, w, choices.choice(config.clients, server.clients_per_round()),
              samples);
    CHECK(server.play_round().excluded.empty());
    largest = std::max(largest, largest_difference(server.weights(), w));
  }
  return largest;
}

}  // namespace

TEST_CASE(
    "FedProx without its pull is FedAvg bit for bit, and with it stays nearer to the server") {
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

  Vector w(start.begin(), start.end()), velocity(4);
  for (const auto& mean : means)
    for (std::size_t i = 0; i < 4; ++i) {
      velocity[i] = 0.7 * velocity[i] + (mean[i] - w[i]);
      w[i] += rate * velocity[i];
    }
  CHECK(largest_difference(played("fedavgm", {{"server-lr", rate}, {"server-momentum", 0.7}}), w) <
        tolerance);
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

TEST_CASE("SCAFFOLD takes the steps of its formula, also with unequal and absent clients") {
  for (double server_rate : {1.0, 0.5}) {
    Vector c;
    std::map<int, Vector> own;
    const double largest = difference_to_reference(
        regression("scaffold", {{"server-lr", server_rate}}), 4,
        [&](const data::ImageSet& images, Vector& w, const std::vector<int>& chosen,
            const auto& samples) {
          c.resize(w.size());
          Vector change(w.size()), control_change(w.size());
          for (int client : chosen) {
            Vector local = w, &ci = own[client];
            ci.resize(w.size());
            const int steps = descend(images, samples[client], {0.05, 40, 2}, local,
                                      [&](std::size_t i) { return c[i] - ci[i]; });
            for (std::size_t i = 0; i < w.size(); ++i) {
              const double next = ci[i] - c[i] + (w[i] - local[i]) / (steps * 0.05);
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
