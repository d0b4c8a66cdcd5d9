#include "fl/algorithms.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "fl/server.h"
#include "nn/optimizer.h"
#include "tests/complaint.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::largest_difference, toy::weights_after, toy::with_options;
constexpr bool is_float = sizeof(real) == 4;

}  // namespace

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
    std::vector<double> mean(control.size());
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

// Moves to the median of the updates' weights, which needs each of them.
class MedianOfClients : public fl::Algorithm {
 public:
  explicit MedianOfClients(std::vector<int>& seen) : seen_(&seen) {}

  fl::Update train(fl::ClientContext& client) const override { return {client.worker.weights()}; }
  void apply(fl::ServerContext& server, std::span<const real> medians) override {
    std::ranges::copy(medians, server.weights.begin());
  }
  std::unique_ptr<fl::Aggregation> own_aggregation() override {
    return std::make_unique<Median>(*seen_);
  }

 private:
  class Median : public fl::Aggregation {
   public:
    explicit Median(std::vector<int>& seen) : seen_(&seen) {}
    void add(const fl::ClientUpdate& update) override {
      seen_->push_back(update.client);
      updates_.emplace_back(update.values.begin(), update.values.end());
    }
    std::span<const real> result() override {
      for (std::size_t i = 0; i < updates_.front().size(); ++i) {
        std::vector<real> column;
        for (const auto& update : updates_) column.push_back(update[i]);
        std::ranges::sort(column);
        medians_.push_back(column[column.size() / 2]);
      }
      return medians_;
    }

   private:
    std::vector<int>* seen_;
    std::vector<std::vector<real>> updates_;
    std::vector<real> medians_;
  };

  std::vector<int>* seen_;
};

}  // namespace

TEST_CASE("an algorithm can see every update, in the order of the round's clients") {
  const data::ImageDataset dataset = toy::dataset();
  std::vector<int> seen, expected;
  const fl::AlgorithmEntry median{
      .name = "median", .label = "Median", .description = "", .make = [&](const auto&, auto) {
        return std::make_unique<MedianOfClients>(seen);
      }};
  fl::Config config = toy::config("fedavg", 3);
  config.algorithm = &median;
  fl::Server server(config, dataset);
  const std::vector<real> start(server.weights().begin(), server.weights().end());
  nn::numpy::Generator choices(config.seed);
  for (int round = 0; round < 3; ++round) {
    server.play_round();
    for (int client : choices.choice(12, 6)) expected.push_back(client);
  }
  CHECK(seen == expected);
  CHECK(std::ranges::equal(server.weights(), start));  // the median of equal weights
}

TEST_CASE("an aggregation goes with every algorithm") {
  // Keeps nothing but the first update of a round.
  class First : public fl::Aggregation {
   public:
    void add(const fl::ClientUpdate& update) override {
      if (first_.empty()) first_.assign(update.values.begin(), update.values.end());
    }
    std::span<const real> result() override { return first_; }

   private:
    std::vector<real> first_;
  };
  const fl::AggregationEntry first{
      .name = "first", .description = "", .make = []() -> std::unique_ptr<fl::Aggregation> {
        return std::make_unique<First>();
      }};
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CAPTURE(algorithm.name);
    fl::Config config = toy::config(std::string(algorithm.name).c_str(), 3);
    const auto mean = weights_after(config, 3);
    config.aggregation = &first;
    const auto other = weights_after(config, 3);
    CHECK(nn::all_finite(other));
    CHECK((other == mean) == !algorithm.is_federated);
    config.fraction = 1e-9;  // one client a round: the first is the mean
    const auto alone = weights_after(config, 3);
    config.aggregation = &fl::aggregation_table().front();
    CHECK(weights_after(config, 3) == alone);
  }
}

TEST_CASE("a client's data can be replaced under every algorithm") {
  class Flipped : public toy::Tampered {
   public:
    using Tampered::Tampered;
    fl::Update train(fl::ClientContext& client) const override {
      data::ImageSet flipped = *client.images;
      for (std::uint8_t& label : flipped.labels) label = 3 - label;
      fl::ClientContext other = client;
      other.images = &flipped;
      return Tampered::train(other);
    }
  };
  const data::ImageDataset dataset = toy::dataset();
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CAPTURE(algorithm.name);
    fl::AlgorithmEntry flipped = algorithm;
    flipped.make = [&](const fl::Config& config, std::size_t size) {
      return std::make_unique<Flipped>(algorithm.make(config, size),
                                       [](const fl::ClientContext&, fl::Update&) {});
    };
    fl::Config config = toy::config(std::string(algorithm.name).c_str(), 2);
    config.algorithm = &flipped;
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
  std::map<std::string_view, fl::AlgorithmOption> options;
  std::set<std::string_view> names, labels;
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    CHECK(names.insert(algorithm.name).second);
    CHECK(labels.insert(algorithm.label).second);
    CHECK(!algorithm.description.empty());
    for (const fl::AlgorithmOption& option : algorithm.options) {
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
    CHECK(weights_after(with_options(name.c_str(), fl::with_presets(algorithm, {})), 3) == usual);
    for (const fl::AlgorithmOption& option : algorithm.options) {
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
    fl::check_options(*fl::find_algorithm("fedavg"), {{"server-lr", 1}});
    FAIL("no error");
  } catch (const nn::InputError& error) {
    CHECK(error.hint ==
          "leave it out; these use it: fedavgm, fedadam, fedyogi, fedadagrad, scaffold");
  }
}
