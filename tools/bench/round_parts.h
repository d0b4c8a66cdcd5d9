#pragma once

#include <vector>

namespace bench {

// The parts of a federated round, in seconds of one core. All clients have the same.
struct RoundParts {
  int clients = 1, batches = 1;    // of each client
  std::vector<double> first = {};  // of each part of a batch, up to its weights' gradients
  std::vector<std::vector<double>> sums = {};  // then, in the order of the parts, for each weight
  double update = 0;                           // after each batch
  double take = 0;                             // each client's update, in the order of the clients
  double serial = 0;                           // between training and test
  std::vector<double> tests = {}, take_tests = {};  // of the parts of the test

  double batch() const;  // on one core
  double work() const;
  // The time of the round on so many cores, as fl::ThreadExecutor divides it among as many workers:
  // those without a client help others with the parts of the next batch.
  double seconds(int cores) const;

 private:
  double training_seconds(int cores) const;
};

// Of FedAvg with the course's CNN on MNIST, 100 clients with all 60,000 images, E=1, B=100.
RoundParts measured_round();

}  // namespace bench
