#include "fl/algorithms/algorithms.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "fl/defences/defences.h"
#include "fl/server.h"
#include "nn/optimizer.h"
#include "tests/complaint.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float, toy::largest_difference, toy::weights_after, toy::with_options;

}  // namespace

TEST_CASE("excluded clients do not spoil SCAFFOLD's state") {
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
    CHECK(!server.client_states().in_memory().empty());
    // c is the mean of all c_i, whichever clients took part.
    const std::span<const real> control = server.algorithm().state().front().values;
    std::vector<double> mean(control.size());
    for (const auto& [client, state] : server.client_states().in_memory()) {
      CHECK(!excluded.contains(client));
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += state.at(i) / 12.0;
    }
    CHECK(nn::all_finite(control));
    CHECK(largest_difference(control, mean) < (is_float ? 1e-6 : 1e-14));
    CHECK(nn::all_finite(server.weights()));
  }
}

namespace {

// Keeps only the first update of a round, and records the clients of all.
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

TEST_CASE("a client's state of the wrong size is an error, not a write beyond its end") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = toy::config("scaffold");
  config.fraction = 1;
  fl::Server server(config, dataset);
  server.client_states().keep(3, std::vector<real>(100'000));
  CHECK_THROWS_WITH_AS(server.play_round(), doctest::Contains("client 3 has kept 100000 numbers"),
                       nn::Error);
}

TEST_CASE(
    "presets are in their options' ranges, and an option means the same for every algorithm") {
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
      CHECK(other->second.is_whole == option.is_whole);
    }
  }
  CHECK(options.size() >= 6);
}

namespace {

// The server's weights after three rounds, and the clients' states.
std::vector<real> all_after(const fl::Config& config) {
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(config, dataset);
  for (int round = 0; round < 3; ++round) server.play_round();
  std::vector<real> all(server.weights().begin(), server.weights().end());
  for (const auto& [client, state] : server.client_states().in_memory())
    all.insert(all.end(), state.begin(), state.end());
  return all;
}

}  // namespace

TEST_CASE("setting any option to its preset changes nothing, and another value does") {
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    const std::string name(algorithm.name);
    const auto usual = all_after(with_options(name.c_str(), {}));
    const std::vector users{fl::OptionUser{algorithm.name, algorithm.options}};
    CHECK(all_after(with_options(name.c_str(), fl::with_presets(users, {}))) == usual);
    for (const fl::Option& option : algorithm.options) {
      CAPTURE(name);
      CAPTURE(option.name);
      const double other = option.preset == 0 ? option.highest : option.preset / 2;
      CHECK(all_after(with_options(name.c_str(), {{std::string(option.name), other}})) != usual);
    }
  }
}

TEST_CASE("an option that the algorithm does not use or a value out of range is refused") {
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
