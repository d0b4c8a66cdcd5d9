#pragma once

#include <cstdint>
#include <vector>

#include "fl/options.h"
#include "fl/splits/partition.h"
#include "nn/dropout_masks.h"
#include "nn/model.h"
#include "nn/precision.h"

namespace fl {

struct AlgorithmEntry;
struct AttackEntry;
struct ClockEntry;
struct CompressionEntry;
struct DefenceEntry;

// What a client does with its samples.
struct LocalTraining {
  double learning_rate = 0.01;
  int batch = 100;  // 0: all samples in one batch
  int epochs = 1;
  int steps = 0;  // if not 0, this many batches instead of the epochs
  double momentum = 0, weight_decay = 0;
  double decay = 1;          // of the learning rate, from each round to the next
  bool is_shuffled = false;  // every epoch in an order of its own, as PyTorch's DataLoader draws it
};

// The malicious clients: those that are named or, if none is, a share of all, drawn from the seed.
struct Malicious {
  double share = 0;
  std::vector<int> clients;

  bool operator==(const Malicious&) const = default;
};

// What a client does to its change before it leaves, as a protection from the server: bounds its L2
// norm by the clip and adds Gaussian noise with a standard deviation of noise * clip to every
// number.
struct LocalPrivacy {
  double clip = 0;  // 0: nothing is done
  double noise = 0;
};

// Where a client finds the buffers that it begins a round with, such as running means: at the
// server, which averages those of the round's clients as it weights updates, or where it left its
// own (Li et al. 2021, FedBN).
enum class Buffers { averaged, local };

// One experiment, down to the last bit of its result.
struct Config {
  const AlgorithmEntry* algorithm = nullptr;
  const DefenceEntry* defence = nullptr;  // null: the mean
  const AttackEntry* attack = nullptr;    // null: no client is malicious
  Malicious malicious;
  const CompressionEntry* compression = nullptr;  // null: none
  const ClockEntry* clock = nullptr;              // null: time is not simulated
  OptionValues options;  // of those five; the ones that are missing have their presets
  nn::ModelFactory make_model;
  int clients = 100;       // N
  double fraction = 0.1;   // C: the share of them that takes part in a round
  LocalTraining training;  // B, E, learning rate
  Buffers buffers = Buffers::averaged;
  double held_out = 0;  // share of each client's samples for its own test, not for training
  LocalPrivacy local_privacy;
  Partition partition;
  std::uint64_t seed = 10;
  nn::DropoutStream dropout = nn::DropoutStream::mt;
  nn::Precision precision = nn::Precision::full;  // of training and tests
  int threads = 1;                                // changes the time only
};

// Throws nn::InputError for options that nothing chosen uses, and for choices that do not go
// together, such as a defence and too few clients, whatever the data.
void check_choices(const Config& config);

// max(1, C N), rounded half to even as Python's round() does.
int clients_per_round(int clients, double fraction);

// With the values that are fixed without federation: there is one party, which has everything and
// shuffles it.
Config settled(Config config);

}  // namespace fl
