#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/attacks/attacks.h"
#include "fl/evaluation/held_out.h"
#include "fl/server.h"
#include "nn/layers.h"
#include "tests/fl/toy_regression.h"
#include "tests/norm_net.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::is_float, toy::Vector, toy::descend, toy::regression, toy::largest_difference,
    toy::weights_after;

fl::Config with_norm(const char* algorithm, int threads = 1) {
  fl::Config config = toy::config(algorithm, threads);
  config.make_model = [](nn::Generator& generator) {
    return std::make_unique<toy::NormNet>(generator);
  };
  config.held_out = 0.2;
  return config;
}

// A client's own weights and buffers, one after the other.
std::vector<real> own_model(fl::Server& server, int client) {
  std::vector<real> weights(server.weights().begin(), server.weights().end()),
      buffers(server.buffers().begin(), server.buffers().end());
  server.algorithm().personalise(server.client_states().of(client), weights, buffers);
  weights.insert(weights.end(), buffers.begin(), buffers.end());
  return weights;
}

}  // namespace

TEST_CASE("Ditto's server is FedAvg's, whatever its clients keep") {
  CHECK(weights_after(toy::config("ditto"), 3) == weights_after(toy::config("fedavg"), 3));
  CHECK(weights_after(with_norm("ditto"), 3) == weights_after(with_norm("fedavg"), 3));
}

TEST_CASE("Ditto trains personal models by its formula") {
  for (double lambda : {0.0, 1.5}) {
    const fl::Config config = regression("ditto", {{"lambda", lambda}});
    const data::ImageDataset dataset = toy::dataset();
    fl::Server server(config, dataset);
    nn::numpy::Generator choices(config.seed);
    std::map<int, Vector> expected;
    double largest = 0;
    for (int round = 0; round < 3; ++round) {
      const Vector w(server.weights().begin(), server.weights().end());
      for (int client : choices.choice(config.clients, server.clients_per_round())) {
        Vector& v = expected.emplace(client, w).first->second;
        descend(dataset.train, server.samples()[client], config.training, v,
                [&](std::size_t i) { return lambda * (v[i] - w[i]); });
      }
      server.play_round();
      for (const auto& [client, v] : expected)
        largest = std::max(largest, largest_difference(own_model(server, client), v));
    }
    CHECK(expected.size() > 3);
    CHECK(server.client_states().in_memory().size() == expected.size());
    CHECK(largest < (is_float ? 1e-5 : 1e-13));
  }
}

TEST_CASE(
    "FedBN's clients have their own batch normalisation, and otherwise the server's weights") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = with_norm("fedbn");
  config.fraction = 1;
  fl::Server server(config, dataset);
  server.play_round();
  const nn::ParameterInfo& weight = *server.model().parameters().find("norm.weight");
  const nn::ParameterInfo& bias = *server.model().parameters().find("norm.bias");
  const auto size = server.weights().size();
  const auto is_norm = [&](std::size_t i) {
    const auto in = [i](const nn::ParameterInfo& info) {
      return i >= static_cast<std::size_t>(info.offset) &&
             i < static_cast<std::size_t>(info.offset + info.shape.size());
    };
    return i >= size || in(weight) || in(bias);
  };
  const std::vector<real> zero = own_model(server, 0), one = own_model(server, 1);
  for (std::size_t i = 0; i < size; ++i) {
    if (is_norm(i)) continue;
    CHECK(zero[i] == server.weights()[i]);
    CHECK(one[i] == server.weights()[i]);
  }
  const auto norm_of = [&](const std::vector<real>& model) {
    std::vector<real> norm;
    for (std::size_t i = 0; i < model.size(); ++i)
      if (is_norm(i)) norm.push_back(model[i]);
    return norm;
  };
  CHECK(largest_difference(norm_of(zero), norm_of(one)) > 1e-3);
  CHECK(norm_of(zero).size() == server.client_states().of(0).size());
}

TEST_CASE("FedBN's clients go on with the batch normalisation that they kept") {
  const auto start = weights_after(with_norm("fedavg"), 0);
  const auto one_round = weights_after(with_norm("fedavg"), 1);
  CHECK(one_round != start);
  CHECK(weights_after(with_norm("fedbn"), 1) == one_round);
  fl::Config bn = with_norm("fedbn"), average = with_norm("fedavg");
  bn.fraction = average.fraction = 1;
  CHECK(largest_difference(weights_after(bn, 3), weights_after(average, 3)) > 1e-4);
  CHECK(weights_after(toy::config("fedbn"), 3) == weights_after(toy::config("fedavg"), 3));
}

TEST_CASE("a share of each client's samples is held out, evenly spaced in its list") {
  std::vector<std::vector<int>> samples{{7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {1, 2}, {}};
  const auto held_out = fl::hold_out(samples, 0.25);
  CHECK(held_out == std::vector<std::vector<int>>{{10, 14}, {}, {}});
  CHECK(samples == std::vector<std::vector<int>>{{7, 8, 9, 11, 12, 13, 15, 16}, {1, 2}, {}});
  CHECK(fl::hold_out(samples, 0) == std::vector<std::vector<int>>(3));
  CHECK_THROWS_AS(fl::hold_out(samples, 1), nn::Error);
  CHECK_THROWS_AS(fl::hold_out(samples, std::nan("")), nn::Error);

  const data::ImageDataset dataset = toy::dataset();
  const fl::Server server(with_norm("fedavg"), dataset);
  std::set<int> all;
  for (int client = 0; client < 12; ++client) {
    CHECK(server.held_out()[client].size() == 10);
    CHECK(server.samples()[client].size() == 40);
    all.insert(server.held_out()[client].begin(), server.held_out()[client].end());
    all.insert(server.samples()[client].begin(), server.samples()[client].end());
  }
  CHECK(all.size() == 600);
}

TEST_CASE("the clients' accuracies are summed up by mean, deviation and worst tenth") {
  std::vector<double> accuracies{90, 70, 80};
  auto measures = fl::client_measures(accuracies);
  CHECK(measures.at("Client accuracy") == doctest::Approx(80));
  CHECK(measures.at("Client accuracy deviation") == doctest::Approx(std::sqrt(200.0 / 3)));
  CHECK(measures.at("Client accuracy worst tenth") == doctest::Approx(70));
  accuracies.insert(accuracies.end(), 17, 100.0);
  CHECK(fl::client_measures(accuracies).at("Client accuracy worst tenth") == doctest::Approx(75));
  CHECK(fl::client_measures({}).empty());
}

TEST_CASE("clients are tested on their held-out samples with their own models") {
  const data::ImageDataset dataset = toy::dataset();
  for (const char* algorithm : {"fedavg", "ditto", "fedbn"}) {
    CAPTURE(algorithm);
    fl::Config config = with_norm(algorithm, 2);
    config.partition = {.split = fl::Split::shards};
    fl::Server server(config, dataset);
    server.play_round();
    const std::vector<double> accuracies = server.client_accuracies();
    REQUIRE(accuracies.size() == 12);
    fl::ClientWorker worker(config.make_model, config.dropout);
    for (int client = 0; client < 12; ++client) {
      const std::vector<real> own = own_model(server, client);
      std::copy_n(own.begin(), worker.weights().size(), worker.weights().begin());
      std::copy_n(own.end() - std::ssize(worker.buffers()), worker.buffers().size(),
                  worker.buffers().begin());
      CHECK(accuracies[client] ==
            fl::evaluate(worker.predict(dataset.train, server.held_out()[client]), 4).accuracy);
    }
  }
}

TEST_CASE("malicious clients do not count among the accuracies of clients") {
  const data::ImageDataset dataset = toy::dataset();
  fl::Config config = toy::config("fedavg");
  config.held_out = 0.2;
  config.attack = fl::find_attack("noise");
  config.malicious.clients = {3, 7};
  CHECK(fl::Server(config, dataset).client_accuracies().size() == 10);
}

TEST_CASE("a personal model of another size is an error, in training and in the clients' test") {
  const data::ImageDataset dataset = toy::dataset();
  for (const char* algorithm : {"ditto", "fedbn"})
    for (const std::size_t size : {5, 100'000}) {
      fl::Config config = with_norm(algorithm);
      config.fraction = 1;
      fl::Server server(config, dataset);
      server.client_states().keep(3, std::vector<real>(size));
      CHECK_THROWS_AS(server.client_accuracies(), nn::Error);
      CHECK_THROWS_WITH_AS(server.play_round(), doctest::Contains("client 3 has kept"), nn::Error);
    }
}

TEST_CASE("clients with few labels are better served by their own models than by the server's") {
  const auto accuracy = [](const char* algorithm) {
    const data::ImageDataset dataset = toy::dataset();
    fl::Config config = toy::config(algorithm, 2);
    config.held_out = 0.2;
    config.fraction = 1;
    config.partition = {.split = fl::Split::shards};
    fl::Server server(config, dataset);
    server.play_round();
    return server.play_round().measures.at("Client accuracy");
  };
  CHECK(accuracy("ditto") > accuracy("fedavg") + 20);
}

TEST_CASE("clients' accuracies have the same bits for any number of threads") {
  const auto measures = [](const char* algorithm, fl::Buffers buffers, int threads) {
    const data::ImageDataset dataset = toy::dataset();
    fl::Config config = with_norm(algorithm, threads);
    config.buffers = buffers;
    fl::Server server(config, dataset);
    server.play_round();
    return server.play_round().measures;
  };
  for (const fl::Buffers buffers : {fl::Buffers::averaged, fl::Buffers::local})
    for (const char* algorithm : {"fedavg", "ditto", "fedbn"}) {
      const auto one = measures(algorithm, buffers, 1);
      CHECK(one.contains("Client accuracy"));
      CHECK(measures(algorithm, buffers, 3) == one);
    }
  fl::Config usual = toy::config("fedavg");
  const data::ImageDataset dataset = toy::dataset();
  CHECK(!fl::Server(usual, dataset).play_round().measures.contains("Client accuracy"));
}
