#pragma once

#include <span>
#include <string_view>

#include "fl/worker.h"

namespace fl {

// What a client does with its samples.
struct LocalTraining {
  double learning_rate = 0.01;
  int batch = 100;  // 0: all samples in one batch
  int epochs = 1;
};

// A federated algorithm: what a client computes and what the server does with the mean of it. It is
// composed of two functions, so that any of it can be combined with any other.
struct Algorithm {
  std::string_view name;   // on the command line
  std::string_view label;  // in tables
  std::string_view description;

  // Trains worker.weights(), which start as the server's, on the client's samples and returns the
  // update: a span of the worker's weights or gradients. Runs on a worker's thread.
  std::span<const nn::real> (*train)(Worker& worker, const data::ImageSet& images,
                                     std::span<const int> samples, const LocalTraining& training,
                                     nn::Generator& generator);

  // Moves the server's weights by the mean of the updates, weighted by sample counts.
  void (*apply)(std::span<nn::real> weights, std::span<const nn::real> mean,
                const LocalTraining& training);

  bool is_full_batch =
      false;  // one gradient over all samples of a client: batch and epochs are fixed
  bool is_federated = true;  // false: one party has all data and nothing is sent
};

// All algorithms that a program can name.
std::span<const Algorithm> algorithm_table();
const Algorithm* find_algorithm(std::string_view name);  // null if there is none

}  // namespace fl
