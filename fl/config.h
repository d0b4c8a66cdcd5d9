#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "fl/aggregate.h"
#include "fl/partition.h"
#include "nn/dropout_masks.h"
#include "nn/model.h"

namespace fl {

struct AlgorithmEntry;

// What a client does with its samples.
struct LocalTraining {
  double learning_rate = 0.01;
  int batch = 100;  // 0: all samples in one batch
  int epochs = 1;
};

// Where a client finds the buffers that it begins a round with, such as running means: at the
// server, which averages those of the round's clients as it weights updates, or where it left its
// own (Li et al. 2021, FedBN).
enum class Buffers { averaged, local };

// Values of an algorithm's options, by name.
using OptionValues = std::map<std::string, double, std::less<>>;

// One experiment, down to the last bit of its result.
struct Config {
  const AlgorithmEntry* algorithm = nullptr;
  OptionValues options;  // of the algorithm; those that are missing have their presets
  const AggregationEntry* aggregation = &aggregation_table().front();
  nn::ModelFactory make_model;
  int clients = 100;       // N
  double fraction = 0.1;   // C: the share of them that takes part in a round
  LocalTraining training;  // B, E and the learning rate
  Buffers buffers = Buffers::averaged;
  Partition partition;
  std::uint64_t seed = 10;
  nn::DropoutStream dropout = nn::DropoutStream::mt;
  int threads = 1;  // changes the time only
};

}  // namespace fl
