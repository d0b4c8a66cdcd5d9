#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fl/algorithm.h"
#include "fl/partition.h"
#include "nn/numpy.h"

namespace fl {

// One experiment, down to the last bit of its result.
struct Config {
  const Algorithm* algorithm = nullptr;
  nn::ModelFactory make_model;
  int clients = 100;       // N
  double fraction = 0.1;   // C: the share of them that takes part in a round
  LocalTraining training;  // B, E and the learning rate
  Partition partition;
  std::uint64_t seed = 10;
  nn::DropoutStream dropout = nn::DropoutStream::mt;
  int threads = 1;  // changes the time only
};

// A client that a round did without.
struct LeftOut {
  int client;
  std::string reason;
};

struct Round {
  int number = 0;                 // from 1
  double accuracy = 0;            // percent of the test images
  std::int64_t messages = 0;      // sent between clients and server since the start
  double ideal_seconds = 0;       // since the start, were every client a core of its own
  double seconds = 0;             // since the start, on this machine
  std::vector<LeftOut> left_out;  // if it is all of the chosen, the round changed nothing
  int chosen = 0;
};

// Plays rounds of a federated algorithm: choose clients, train each from the server's weights,
// apply the weighted mean of their updates, test.
class Server {
 public:
  // `dataset` must outlive the server.
  Server(Config config, const data::ImageDataset& dataset);

  Round play_round();

  // Goes on after `last` as the server does that played it, whose weights must be here already.
  // Throws nn::Error if rounds were played.
  void resume(const Round& last);

  double test();  // percent of the test images put into the right class

  std::span<const nn::real> weights() { return model_->parameters().values(); }
  nn::Model& model() { return *model_; }
  int clients_per_round() const { return clients_per_round_; }

 private:
  std::vector<int> choose_clients();
  int test_parts() const;

  Config config_;
  const data::ImageDataset& dataset_;
  std::vector<std::vector<int>> samples_;  // of each client
  nn::numpy::Generator choices_;
  std::unique_ptr<nn::Model> model_;
  IdleWorkers idle_;
  std::vector<Worker> workers_;
  int clients_per_round_;
  Round last_;
};

// max(1, C N), rounded half to even as Python's round() does.
int clients_per_round(int clients, double fraction);

}  // namespace fl
