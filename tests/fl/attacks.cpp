#include "fl/attacks/attacks.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "fl/defences/defences.h"
#include "fl/server.h"
#include "tests/complaint.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float;
using Changes = std::map<int, std::vector<real>>;  // by client

fl::Config attacked(const char* attack, fl::OptionValues options = {}) {
  fl::Config config = toy::config("fedavg", 2);
  config.attack = fl::find_attack(attack);
  config.malicious.clients = {1, 3, 4, 7, 8};
  config.options = std::move(options);
  if (config.options.empty() && attack == std::string("flip-targeted"))
    config.options = {{"attack-to", 2}};  // the toy has four classes
  return config;
}

// The mean, which remembers the changes that it was made of.
class WatchedMean : public fl::WeightedMean {
 public:
  explicit WatchedMean(Changes& changes) : changes_(&changes) {}
  void add(const fl::ClientUpdate& update) override {
    (*changes_)[update.client].assign(update.values.begin(), update.values.end());
    WeightedMean::add(update);
  }

 private:
  Changes* changes_;
};

// The clients' changes in the first round.
Changes changes_under(fl::Config config) {
  Changes changes;
  const fl::DefenceEntry watched{
      .name = "watched", .label = "", .description = "", .make = [&](const fl::Config&) {
        return std::make_unique<WatchedMean>(changes);
      }};
  config.defence = &watched;
  toy::weights_after(config, 1);
  return changes;
}

Changes honest_changes() {
  fl::Config config = attacked("reversion");
  config.attack = nullptr;
  config.options = {};
  return changes_under(config);
}

bool is_malicious(int client) {
  return std::ranges::count(attacked("reversion").malicious.clients, client) > 0;
}

// The attack's labels for a batch with these.
std::vector<int> poisoned(const fl::Config& config, std::vector<int> labels) {
  const data::ImageSet source = toy::images(4, 1);
  std::vector<real> pixels(labels.size() * 64);
  const nn::Shape shape = source.shape(static_cast<nn::index>(labels.size()));
  data::BatchPart batch{source, {pixels.data(), shape}, labels, 0, static_cast<int>(labels.size())};
  config.attack->make(config)->poison(batch);
  return labels;
}

}  // namespace

TEST_CASE("reversion sends every malicious change times -5, and leaves the others alone") {
  const Changes honest = honest_changes(), sent = changes_under(attacked("reversion"));
  int malicious = 0;
  for (const auto& [client, change] : sent) {
    std::vector<real> expected = honest.at(client);
    if (is_malicious(client)) {
      for (real& value : expected) value *= -5;
      ++malicious;
    }
    CHECK(change == expected);
  }
  CHECK(malicious >= 2);
  CHECK(sent.size() > static_cast<std::size_t>(malicious));
}

TEST_CASE("part reversion sends the first tensor times -1000") {
  const Changes honest = honest_changes(), sent = changes_under(attacked("part-reversion"));
  for (const auto& [client, change] : sent) {
    std::vector<real> expected = honest.at(client);
    if (is_malicious(client))
      for (int i = 0; i < 64 * 16; ++i) expected[i] *= -1000;  // fc1.weight
    CHECK(change == expected);
  }
}

TEST_CASE("label flips change the labels that they name, and send five times the change") {
  CHECK(poisoned(attacked("flip"), {0, 1, 2, 3, 3}) == std::vector{1, 2, 3, 0, 0});
  CHECK(poisoned(attacked("flip-targeted"), {0, 1, 2, 3, 0}) == std::vector{2, 1, 2, 3, 2});
  CHECK(poisoned(attacked("flip-targeted", {{"attack-from", 3}, {"attack-to", 1}}), {0, 1, 2, 3}) ==
        std::vector{0, 1, 2, 1});
  for (const char* name : {"flip", "flip-targeted"}) {
    fl::OptionValues once = attacked(name).options;
    once["attack-scale"] = 1;
    const Changes scaled = changes_under(attacked(name));
    const Changes plain = changes_under(attacked(name, once));
    for (auto [client, change] : plain) {
      if (is_malicious(client))
        for (real& value : change) value *= 5;
      CHECK(scaled.at(client) == change);
    }
    CHECK(plain != honest_changes());
  }
}

TEST_CASE("noise is Gaussian, as many times the change's root mean square as the option says") {
  const std::size_t size = 200'000;
  fl::Config config = attacked("noise", {{"attack-scale", 3}});
  std::vector<real> change(size, real(0.5));
  nn::Generator generator(1);
  config.attack->make(config)->alter({0, 0, std::vector{size}, generator}, change);
  double sum = 0, squares = 0, within = 0;
  for (const real value : change) {
    const double noise = value - 0.5;
    sum += noise, squares += noise * noise;
    within += std::abs(noise) < 1.5;  // one standard deviation
  }
  const double n = static_cast<double>(size);
  CHECK(std::abs(sum / n) < 0.02);
  CHECK(std::sqrt(squares / n) == doctest::Approx(1.5).epsilon(0.01));
  CHECK(within / n == doctest::Approx(0.6827).epsilon(0.01));
}

TEST_CASE("colluding clients send their own mean less some deviations, or the others' reversed") {
  const Changes honest = honest_changes();
  const std::size_t size = honest.begin()->second.size();
  std::vector<double> alie(size), ipm(size);
  for (std::size_t i = 0; i < size; ++i) {
    std::vector<double> own;
    double others = 0;
    for (const auto& [client, change] : honest)
      if (is_malicious(client))
        own.push_back(change[i]);
      else
        others += change[i];
    const double count = static_cast<double>(own.size());
    const double mean = std::accumulate(own.begin(), own.end(), 0.0) / count;
    double variance = 0;
    for (const double value : own) variance += (value - mean) * (value - mean) / count;
    alie[i] = mean - 1.5 * std::sqrt(variance);
    ipm[i] = -0.5 * others / (static_cast<double>(honest.size()) - count);
  }
  for (const auto& [attack, expected] : {std::pair{"alie", alie}, {"ipm", ipm}})
    for (const auto& [client, change] : changes_under(attacked(attack)))
      if (is_malicious(client))
        CHECK(toy::largest_difference(change, expected) < (is_float ? 1e-7 : 1e-15));
      else
        CHECK(change == honest.at(client));
}

TEST_CASE("malicious clients are named, or drawn from the seed as NumPy does") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = attacked("reversion");
  config.malicious.clients = {7, 2, 4};
  CHECK(fl::Server(config, dataset).malicious() == std::vector{2, 4, 7});
  config.malicious = {.share = 0.2, .clients = {}};
  config.clients = 100;
  config.seed = 42;  // sorted(default_rng(43).choice(100, 20, replace=False))
  CHECK(fl::Server(config, dataset).malicious() ==
        std::vector{1, 3, 20, 24, 25, 26, 33, 36, 40, 41, 45, 49, 52, 53, 63, 70, 73, 78, 87, 97});
}

TEST_CASE("settings that an attack cannot work with are refused before the first round") {
  const data::ImageDataset dataset = toy::dataset();
  const auto refused = [&](const fl::Config& config) {
    return complaint_of([&] { fl::Server(config, dataset); });
  };
  CHECK(refused(attacked("flip-targeted", {{"attack-to", 4}})) ==
        "--attack-to: 4 is not a class: there are 4");
  CHECK(refused(attacked("flip-targeted", {{"attack-to", 1}, {"attack-from", 9}})) ==
        "--attack-from: 9 is not a class: there are 4");
  CHECK(refused(attacked("flip-targeted", {{"attack-to", 2}, {"attack-from", 2}})) ==
        "--attack-from and --attack-to are both 2");
  CHECK(refused(attacked("backdoor", {{"attack-to", 4}})) ==
        "--attack-to: 4 is not a class: there are 4");
  CHECK(refused(attacked("flip", {{"attack-to", 1}})) ==
        "fedavg with flip does not use --attack-to");
  CHECK(contains(refused(attacked("flip", {{"attack-scale", 1e7}})),
                 "--attack-scale: 1e+07 is not a number from"));
  fl::Config config = attacked("flip");
  config.malicious.clients = {3, 12};
  CHECK(refused(config) == "there is no client 12 to be malicious");
  config.malicious = {.share = 0.01, .clients = {}};
  CHECK(refused(config) == "a share of 0.01 of 12 clients: none is malicious");
}

TEST_CASE("every attack gives the same bits for any number of threads, and when resumed") {
  const data::ImageDataset dataset = toy::dataset();
  for (const fl::AttackEntry& attack : fl::attack_table()) {
    CAPTURE(attack.name);
    fl::Config config = attacked(attack.name.data());
    config.threads = 1;
    const auto alone = toy::weights_after(config, 3);
    config.attack = nullptr;
    config.options = {};
    CHECK(toy::weights_after(config, 3) != alone);
    config = attacked(attack.name.data());
    config.threads = 3;
    CHECK(toy::weights_after(config, 3) == alone);

    fl::Server first(config, dataset), second(config, dataset);
    first.play_round();
    const fl::Round last = first.play_round();
    std::ranges::copy(first.weights(), second.weights().begin());
    second.resume(last);
    second.play_round();
    CHECK(std::ranges::equal(second.weights(), alone));
  }
}
