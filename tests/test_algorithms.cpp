#include "fl/algorithms.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "fl/defences.h"
#include "fl/server.h"
#include "nn/optimizer.h"
#include "tests/complaint.h"
#include "tests/toy.h"

namespace {

using nn::real;
constexpr bool is_float = sizeof(real) == 4;

std::vector<real> weights_after(const fl::Config& config, int rounds) {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(config, dataset);
  for (int i = 0; i < rounds; ++i) server.play_round();
  return {server.weights().begin(), server.weights().end()};
}

fl::Config with_options(const char* algorithm, fl::OptionValues options) {
  fl::Config config = toy::config(algorithm, 2);
  config.options = std::move(options);
  return config;
}

template <class A, class B>
double largest_difference(const A& a, const B& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

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

TEST_CASE("clients that are excluded do not spoil SCAFFOLD's state") {
  const data::ImageDataset dataset = toy::dataset();
  enum class Fault { update, control, state };
  for (const Fault fault : {Fault::update, Fault::control, Fault::state}) {
    const fl::AlgorithmEntry faulty =
        toy::tampered("scaffold", [&](const fl::ClientContext& client, fl::Update& update) {
          if (client.client % 3 != 1) return;
          static constexpr real nan = std::numeric_limits<real>::quiet_NaN();
          if (fault == Fault::update) update.values.front() = nan;
          if (fault == Fault::control) update.values.back() = nan;
          if (fault == Fault::state) update.state = std::span(&nan, 1);
        });
    fl::Config config = toy::config("scaffold", 3);
    config.algorithm = &faulty;
    config.partition = {.split = fl::Split::dirichlet, .alpha = 0.03};  // some have no samples
    fl::Server server(config, dataset);
    std::set<int> excluded;
    bool has_empty = false;
    for (int round = 0; round < 6; ++round)
      for (const fl::Exclusion& exclusion : server.play_round().excluded) {
        excluded.insert(exclusion.client);
        has_empty |= exclusion.reason == "it has no samples";
      }
    CHECK(excluded.size() >= 4);
    CHECK(has_empty);
    CHECK(!server.client_states().all().empty());
    // c is the mean of all c_i, whoever took part.
    const std::span<const real> control = server.algorithm().state().front().values;
    Vector mean(control.size());
    for (const auto& [client, state] : server.client_states().all()) {
      CHECK(!excluded.contains(client));
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += state.at(i) / 12.0;
    }
    CHECK(nn::all_finite(control));
    CHECK(largest_difference(control, mean) < (is_float ? 1e-6 : 1e-14));
    CHECK(nn::all_finite(server.weights()));
  }
}

namespace {

// Keeps nothing but the first update of a round, and notes the clients of all.
class First : public fl::Aggregation {
 public:
  explicit First(std::vector<int>& seen) : seen_(&seen) {}
  void start(int) override { first_.clear(); }
  void add(const fl::ClientUpdate& update) override {
    seen_->push_back(update.client);
    if (first_.empty()) first_.assign(update.values.begin(), update.values.end());
  }
  std::span<const real> result() override { return first_; }

 private:
  std::vector<int>* seen_;
  std::vector<real> first_;
};

}  // namespace

TEST_CASE("a defence goes with every algorithm, and sees its updates in the order of the round") {
  std::vector<int> seen;
  const fl::DefenceEntry first{
      .name = "first", .label = "First", .description = "", .make = [&](const auto&) {
        return std::make_unique<First>(seen);
      }};
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CAPTURE(algorithm.name);
    fl::Config config = toy::config(std::string(algorithm.name).c_str(), 3);
    const auto mean = weights_after(config, 3);
    config.defence = &first;
    seen.clear();
    const auto other = weights_after(config, 3);
    CHECK(nn::all_finite(other));
    if (!algorithm.is_federated) continue;
    CHECK(other != mean);
    std::vector<int> expected;
    nn::numpy::Generator choices(config.seed);
    for (int round = 0; round < 3; ++round)
      for (int client : choices.choice(12, 6)) expected.push_back(client);
    CHECK(seen == expected);
    config.fraction = 1e-9;  // one client a round: the first is the mean
    const auto alone = weights_after(config, 3);
    config.defence = nullptr;
    CHECK(largest_difference(weights_after(config, 3), alone) < (is_float ? 1e-5 : 1e-12));
  }
}

TEST_CASE("a client's data can be poisoned under every algorithm") {
  class Flip : public fl::Attack {
   public:
    void poison(data::BatchPart& batch) const override {
      for (int& label : batch.labels) label = 3 - label;
    }
  };
  const fl::AttackEntry flip{
      .name = "flip", .label = "Flip", .description = "", .make = [](const fl::Config&) {
        return std::make_unique<Flip>();
      }};
  const data::ImageDataset dataset = toy::dataset();
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CAPTURE(algorithm.name);
    fl::Config config = toy::config(std::string(algorithm.name).c_str(), 2);
    config.attack = &flip;
    config.malicious.share = 1;
    fl::Server server(config, dataset);
    double accuracy = 100;
    for (int round = 0; round < 20; ++round) accuracy = server.play_round().accuracy;
    CHECK(accuracy < 25);
  }
}

TEST_CASE("a client's state of another size is an error, not a write beyond its end") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = toy::config("scaffold");
  config.fraction = 1;
  fl::Server server(config, dataset);
  server.client_states().keep(3, std::vector<real>(100'000));
  CHECK_THROWS_WITH_AS(server.play_round(), doctest::Contains("client 3 has kept 100000 numbers"),
                       nn::Error);
}

TEST_CASE("the table's options have presets in their range, and names that mean the same") {
  std::map<std::string_view, fl::Option> options;
  std::set<std::string_view> names, labels;
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CHECK(names.insert(algorithm.name).second);
    CHECK(labels.insert(algorithm.label).second);
    CHECK(!algorithm.description.empty());
    for (const fl::Option& option : algorithm.options) {
      CHECK(option.lowest <= option.preset);
      CHECK(option.preset <= option.highest);
      const auto [other, is_new] = options.emplace(option.name, option);
      CHECK(other->second.description == option.description);
      CHECK(other->second.lowest == option.lowest);
      CHECK(other->second.highest == option.highest);
    }
  }
  CHECK(options.size() >= 6);
}

TEST_CASE("a preset that is given changes nothing, another value does, for every option") {
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    const std::string name(algorithm.name);
    const auto usual = weights_after(with_options(name.c_str(), {}), 3);
    CHECK(weights_after(
              with_options(name.c_str(),
                           fl::with_presets(
                               std::vector{fl::OptionUser{algorithm.name, algorithm.options}}, {})),
              3) == usual);
    for (const fl::Option& option : algorithm.options) {
      CAPTURE(name);
      CAPTURE(option.name);
      const double other = option.preset == 0 ? 0.5 : option.preset / 2;
      CHECK(weights_after(with_options(name.c_str(), {{std::string(option.name), other}}), 3) !=
            usual);
    }
  }
}

TEST_CASE("an option that the algorithm does not use, or a value out of range, is refused") {
  const auto refused = [](const char* algorithm, const char* option, double value) {
    return complaint_of([&] { weights_after(with_options(algorithm, {{option, value}}), 0); });
  };
  CHECK(refused("fedavg", "mu", 0.1) == "fedavg does not use --mu");
  CHECK(refused("scaffold", "mu", 0.1) == "scaffold does not use --mu");
  CHECK(refused("fedprox", "nu", 0.1) == "fedprox does not use --nu");
  CHECK(refused("fedprox", "mu", -1) == "--mu: -1 is not a number from 0 to 1000");
  CHECK(contains(refused("fedprox", "mu", std::nan("")), "--mu: nan is not"));
  CHECK(contains(refused("fedadam", "beta1", 1), "--beta1: 1 is not"));
  CHECK(refused("fedprox", "mu", 0) == "nothing");
  try {
    fl::check_options(std::vector{fl::OptionUser{"fedavg", {}}}, {{"server-lr", 1}});
    FAIL("no error");
  } catch (const nn::InputError& error) {
    CHECK(error.hint ==
          "leave it out; these use it: fedavgm, fedadam, fedyogi, fedadagrad, scaffold");
  }
}
