#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fl/algorithms/algorithm.h"

namespace fl {

// What an update counts in the mean of a round.
enum class Weighting {
  by_samples,  // n_k / n
  equal,       // 1 / |S|
};

// What the values of an update are; if they have more than the model has weights, the first of
// them.
enum class Sends {
  weights,  // the client's, after its training
  changes,  // differences to the server's weights, or gradients
};

// `size`: the count of the model's weights.
using MakeAlgorithm = std::unique_ptr<Algorithm>(const Config& config, std::size_t size);

// A row of the table of algorithms.
struct AlgorithmEntry {
  std::string_view name;   // on the command line
  std::string_view label;  // in tables
  std::string_view description;
  std::function<MakeAlgorithm> make;
  std::vector<Option> options = {};
  Weighting weighting = Weighting::by_samples;
  Sends sends = Sends::weights;
  // Of an update, the last numbers that are no change of anything, such as a count of steps. They
  // are neither compressed nor clipped, and no defence chooses among them: apply() gets their mean.
  int extra_numbers = 0;
  bool is_full_batch = false;  // one gradient over all samples: batch and epochs are fixed
  bool needs_buffers = false;  // for a model without batch normalisation it is another algorithm
  bool is_federated = true;    // false: one party has all data and nothing is sent
};

// All algorithms that a program can name.
std::span<const AlgorithmEntry> algorithm_table();
const AlgorithmEntry* find_algorithm(std::string_view name);  // null if there is none

// What the rows make, a file each.
MakeAlgorithm make_fedsgd, make_fedsgd_weight;                            // fedsgd.cpp
MakeAlgorithm make_fedavg;                                                // fedavg.cpp
MakeAlgorithm make_fedprox;                                               // fedprox.cpp
MakeAlgorithm make_fedavgm, make_fedadam, make_fedyogi, make_fedadagrad;  // fedopt.cpp
MakeAlgorithm make_scaffold;                                              // scaffold.cpp
MakeAlgorithm make_fednova;                                               // fednova.cpp
MakeAlgorithm make_feddyn;                                                // feddyn.cpp
MakeAlgorithm make_qfedavg;                                               // qfedavg.cpp
MakeAlgorithm make_ditto;                                                 // ditto.cpp
MakeAlgorithm make_fedbn;                                                 // fedbn.cpp

}  // namespace fl
