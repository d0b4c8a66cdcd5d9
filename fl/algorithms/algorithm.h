#pragma once

#include <span>
#include <string>
#include <vector>

#include "fl/config.h"
#include "fl/workers/client_worker.h"

namespace fl {

// Everything that a client knows while it trains, apart from the algorithm's options. So clients
// may train at the same time, in any order, or in another process.
struct ClientContext {
  int client;  // 0 .. N - 1
  int round;   // from 0
  const data::Examples& examples;
  std::span<const int> samples;              // the client's; at least one
  const LocalTraining& training;             // with the learning rate of the round
  nn::Generator& generator;                  // of this client in this round
  ClientWorker& worker;                      // whose weights start as the server's
  std::span<const nn::real> server_weights;  // as they were sent
  std::span<const nn::real> broadcast;       // what the algorithm sends beside them
  std::span<const nn::real> state;           // kept from its last round; empty before the first

  // Leaves the gradient over these of its samples in worker.gradients(); returns the loss.
  double compute_gradient(std::span<const int> batch);

  // Copies what the client has kept; false if that is nothing. Throws Error if the sizes differ.
  bool copy_state(std::span<nn::real> to) const;

  double loss_sum = 0;  // of all batches so far
  int batches = 0;
};

// What a client sends and keeps. The numbers lie in the worker's weights, gradients or scratch.
// A NaN or an infinity in either excludes the client from the round: then nothing is kept.
struct Update {
  std::span<nn::real> values;            // sent: of the same size for all clients
  std::span<const nn::real> state = {};  // kept for the client's next round; empty: as before
};

// Numbers that the server keeps between rounds, by name.
struct NamedState {
  std::string name;
  std::span<nn::real> values;
};

struct ServerContext {
  std::span<nn::real> weights;  // to be moved
  int round;                    // from 0
  int clients;                  // N
  int participants;             // |S|: those whose update was used
  double learning_rate;         // of the round
};

// A federated algorithm: what a client computes, what the server does with the aggregate, and what
// either keeps between rounds. One is made for each run, from its configuration. Attacks and
// defences see only its updates, so they go with any algorithm; noise does not go with extra
// numbers (algorithms.h).
class Algorithm {
 public:
  virtual ~Algorithm() = default;

  // Trains client.worker.weights() on the client's samples. Called on a worker's thread, for
  // several clients at once.
  virtual Update train(ClientContext& client) const = 0;

  // Moves the server's weights, once a round; to the aggregate, unless the algorithm says
  // otherwise. Not called for a round without a usable update.
  virtual void apply(ServerContext& server, std::span<const nn::real> aggregate);

  // What a round costs a client of a model with so many weights, for clocks.
  struct Cost {
    std::size_t numbers;  // that it sends: the size of an update
    int trainings = 1;    // on all of its samples, E epochs each
  };
  virtual Cost cost(std::size_t weights) const { return {weights}; }

  // What clients receive beside the server's weights.
  virtual std::span<const nn::real> broadcast() const { return {}; }

  // Turns the server's weights and buffers into a client's own, for algorithms that keep something
  // of a model for each client. `state` is what the client has kept; empty: nothing yet.
  virtual void personalise(std::span<const nn::real> /*state*/, std::span<nn::real> /*weights*/,
                           std::span<nn::real> /*buffers*/) const {}

  // The server's state, which is saved, and restored in the same places.
  virtual std::vector<NamedState> state() { return {}; }
};

}  // namespace fl
