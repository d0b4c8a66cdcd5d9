#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "tests/norm_net.h"
#include "tests/toy.h"

namespace {

using nn::real;

struct Played {
  std::map<int, std::vector<std::vector<real>>> starts, ends;  // buffers of each client's rounds
  std::vector<std::vector<real>> server;                       // after each round
  std::vector<real> weights;
  std::vector<double> accuracy;
};

// Records the buffers that clients start and end with.
class Watched : public fl::Algorithm {
 public:
  Watched(std::unique_ptr<fl::Algorithm> inner, Played& played, std::mutex& mutex)
      : inner_(std::move(inner)), played_(played), mutex_(mutex) {}

  fl::Update train(fl::ClientContext& client) const override {
    const auto now = [&] {
      const auto buffers = client.worker.buffers();
      return std::vector<real>(buffers.begin(), buffers.end());
    };
    const std::vector<real> start = now();
    const fl::Update update = inner_->train(client);
    const std::lock_guard lock(mutex_);
    played_.starts[client.client].push_back(start);
    played_.ends[client.client].push_back(now());
    return update;
  }
  void apply(fl::ServerContext& server, std::span<const real> aggregate) override {
    inner_->apply(server, aggregate);
  }
  std::span<const real> broadcast() const override { return inner_->broadcast(); }

 private:
  std::unique_ptr<fl::Algorithm> inner_;
  Played& played_;
  std::mutex& mutex_;
};

constexpr int clients = 3;

Played play(const char* algorithm, fl::Buffers buffers, int threads) {
  Played played;
  std::mutex mutex;
  fl::Config config = toy::config(algorithm, threads);
  config.make_model = [](nn::Generator& generator) {
    return std::make_unique<toy::NormNet>(generator);
  };
  config.clients = clients;
  config.fraction = 1;
  config.buffers = buffers;
  fl::AlgorithmEntry entry = *config.algorithm;
  entry.make = [&, make = entry.make](const fl::Config& made, std::size_t size) {
    return std::make_unique<Watched>(make(made, size), played, mutex);
  };
  config.algorithm = &entry;
  const data::ImageDataset dataset = toy::dataset();
  fl::Server server(config, dataset);
  for (int round = 0; round < 3; ++round) {
    played.accuracy.push_back(server.play_round().accuracy);
    const auto now = server.model().parameters().buffers();
    played.server.emplace_back(now.begin(), now.end());
  }
  played.weights.assign(server.weights().begin(), server.weights().end());
  return played;
}

}  // namespace

TEST_CASE("the server's running statistics are the mean of its clients'") {
  for (const fl::Buffers buffers : {fl::Buffers::averaged, fl::Buffers::local}) {
    const Played played = play("fedavg", buffers, 1);
    for (std::size_t round = 0; round < 3; ++round)
      for (std::size_t i = 0; i < played.server[round].size(); ++i) {
        double sum = 0;
        for (int client = 0; client < clients; ++client) sum += played.ends.at(client)[round][i];
        CHECK(played.server[round][i] == doctest::Approx(sum / clients).epsilon(1e-5));
      }
    CHECK(played.accuracy.back() > 60);  // it is tested with them
  }
}

TEST_CASE("a client starts with the server's running statistics, or with its own") {
  for (const char* algorithm : {"fedavg", "scaffold"}) {
    CAPTURE(algorithm);
    const Played averaged = play(algorithm, fl::Buffers::averaged, 1);
    const Played local = play(algorithm, fl::Buffers::local, 1);
    for (int client = 0; client < clients; ++client)
      for (int round = 1; round < 3; ++round) {
        CHECK(averaged.starts.at(client)[round] == averaged.server[round - 1]);
        CHECK(local.starts.at(client)[round] == local.ends.at(client)[round - 1]);
      }
    CHECK(averaged.server.back() != local.server.back());
  }
}

TEST_CASE("running statistics have the same bits for any number of threads") {
  for (const fl::Buffers buffers : {fl::Buffers::averaged, fl::Buffers::local}) {
    const Played one = play("scaffold", buffers, 1), three = play("scaffold", buffers, 3);
    CHECK(one.server == three.server);
    CHECK(one.weights == three.weights);
    CHECK(one.accuracy == three.accuracy);
  }
}
