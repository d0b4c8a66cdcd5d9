#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "fl/server.h"
#include "tests/fl/clocked.h"
#include "tests/toy_rounds.h"

using nn::real, toy::clocked, toy::unit_speeds;

static std::vector<int> clients_of(const std::vector<fl::Turn>& turns) {
  std::vector<int> clients;
  for (const fl::Turn& turn : turns) clients.push_back(turn.client);
  return clients;
}

TEST_CASE("FedBuff's clients start, arrive and age as by hand") {
  // Clients take 1, 2.5 and 7 s, their links nothing. One update makes a round. Starts, with the
  // rounds played by then:
  //   client 0   0=|1=|2=|4=|5=|7=|8=|
  //   client 1   0====|3====|..7====...
  //   client 2   0====================|
  fl::OptionValues options = unit_speeds;
  options["buffer-size"] = 1;
  const fl::Config config = clocked("fedavg", "fedbuff", options);
  const auto schedule = fl::make_fedbuff(config, fl::World(config, {{1, 2.5, 7}, 0, 0}), 3);
  struct Expected {
    int client, version;
    double seconds, age;
  };
  for (const Expected& e : std::vector<Expected>{{0, 0, 1, 0},
                                                 {0, 1, 1, 0},
                                                 {1, 0, 0.5, 2},
                                                 {0, 2, 0.5, 1},
                                                 {0, 4, 1, 0},
                                                 {1, 3, 1, 2},  // with client 0, but started before
                                                 {0, 5, 0, 1},
                                                 {0, 7, 1, 0},
                                                 {2, 0, 1, 8},
                                                 {0, 8, 0, 1}}) {
    const std::vector<fl::Turn> turns = schedule->next();
    REQUIRE(turns.size() == 1);
    CHECK(turns[0].factor == doctest::Approx(1 / std::sqrt(1 + e.age)));
    CHECK(*schedule->seconds() == doctest::Approx(e.seconds));
    CHECK(schedule->measures().at("Staleness") == e.age);
    CHECK(turns[0].client == e.client);
    CHECK(turns[0].version == e.version);
  }
  CHECK(schedule->versions_in_flight() == std::set<int>{7});
}

TEST_CASE("a client has one turn in a round of FedBuff, and a round without enough of them ends") {
  fl::OptionValues options = unit_speeds;
  options["buffer-size"] = 3;
  const fl::Config config = clocked("fedavg", "fedbuff", options);
  const auto schedule = fl::make_fedbuff(config, fl::World(config, {{1, 5, 0}, 0, 0}), 2);
  for (int round = 0; round < 3; ++round) {
    std::vector<int> clients = clients_of(schedule->next());
    std::ranges::sort(clients);
    CHECK(clients == std::vector<int>{0, 1, 2});
  }
}

TEST_CASE("with equal devices and a buffer for all of a round, FedBuff has the bits of rounds") {
  for (const fl::AlgorithmEntry& algorithm : fl::algorithm_table()) {
    if (!algorithm.is_federated) continue;
    CAPTURE(algorithm.name);
    const std::string name(algorithm.name);
    const fl::Config buffered = clocked(
        name.c_str(), "fedbuff", {{"device-spread", 0}, {"link-spread", 0}, {"buffer-size", 6}});
    fl::Config rounds = toy::config(name.c_str(), 2);
    const auto usual = toy::weights_after(rounds, 3);
    CHECK(toy::largest_difference(toy::weights_after(buffered, 3), usual) <
          (sizeof(real) == 4 ? 1e-5 : 1e-12));
    if (algorithm.sends == fl::Sends::weights)
      rounds.local_privacy.clip = 1e9;  // lets them send changes, too, and alters none
    CHECK(toy::weights_after(buffered, 3) == toy::weights_after(rounds, 3));
  }
}

TEST_CASE("FedBuff's server moves by changes from old weights, damped by their age") {
  const data::ImageDataset dataset = toy::dataset();
  // A client's change is its number, and what the server's first weight was when it started.
  fl::AlgorithmEntry told = *fl::find_algorithm("fedavg");
  class Tells : public fl::Algorithm {
   public:
    fl::Update train(fl::ClientContext& client) const override {
      client.worker.weights()[0] = 2 * client.server_weights[0] + static_cast<real>(client.client);
      return {client.worker.weights()};
    }
  };
  told.make = [](const fl::Config&, std::size_t) { return std::make_unique<Tells>(); };
  fl::Config config = clocked("fedavg", "fedbuff", {{"buffer-size", 2}, {"staleness-exponent", 1}});
  config.algorithm = &told;
  fl::Server server(config, dataset);
  const std::int64_t bytes = fl::bytes_of(server.weights().size());
  const fl::World world(config, {std::vector<double>(12, 50), bytes, bytes});
  const auto schedule = fl::make_fedbuff(config, world, 6);
  server.weights()[0] = 1;
  std::vector<double> weight{1};  // by version
  int oldest = 0;
  for (int round = 0; round < 12; ++round) {
    const std::vector<fl::Turn> turns = schedule->next();
    REQUIRE(turns.size() == 2);
    double next = weight.back();
    for (const fl::Turn& turn : turns) {
      const int age = round - turn.version;
      next += (weight[turn.version] + turn.client) / (1 + age) / 2;
      oldest = std::max(oldest, age);
    }
    weight.push_back(next);
    server.play_round();
    CHECK(server.weights()[0] == doctest::Approx(next).epsilon(1e-5));
  }
  CHECK(oldest > 2);
}
