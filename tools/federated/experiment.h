#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/examples.h"
#include "fl/server.h"

namespace federated {

// One curve: a configuration, by name where it needs a model or an algorithm, and its rounds.
struct Experiment {
  std::string algorithm = "fedavg";
  std::string model = "mnist_cnn";
  int clients = 100;
  bool takes_natural_clients = false;  // as many as the data has; not `clients`
  double fraction = 0.1;
  std::string defence = "none", attack = "none", compression = "none", clock = "none";
  fl::Malicious malicious;
  fl::OptionValues options;  // of the five; those that are missing have their presets
  fl::LocalTraining training;
  fl::Buffers buffers = fl::Buffers::averaged;
  double held_out = 0;
  fl::LocalPrivacy local_privacy;
  fl::Partition partition;
  std::uint64_t seed = 10;
  nn::DropoutStream dropout = nn::DropoutStream::mt;
  nn::Precision precision = nn::Precision::full;
  int rounds = 10;
  std::optional<double> target;  // test accuracy in percent to look for
  bool stops_at_target = false;  // no round is played after the one that reaches it
  int test_every = 1;            // rounds; the last one is tested in any case

  const fl::AlgorithmEntry& algorithm_entry() const;
  const fl::DefenceEntry* defence_entry() const;          // null for "none"
  const fl::AttackEntry* attack_entry() const;            // null for "none"
  const fl::CompressionEntry* compression_entry() const;  // null for "none"
  const fl::ClockEntry* clock_entry() const;              // null for "none"
  std::vector<fl::OptionUser> option_users() const;       // the rows that it has chosen
};

// With the values that its algorithm fixes (one full batch for FedSGD, one client without
// federation) and the presets of its options.
Experiment settled(Experiment experiment);

// With the number of clients that a natural split has, if it is to be taken from the data.
Experiment with_clients_of(const data::Examples& train, Experiment experiment);

// All that the numbers depend on but the count of rounds, such as
// "fedprox mu=0.01 mnist_cnn N=100 C=0.1 B=100 E=1 η=0.01 iid seed=10".
std::string describe(const Experiment& experiment);

// The options of what was chosen, presets included: "mu=0.01", or "" for those that have none.
std::string option_text(const Experiment& experiment);
// Back, in any order; nothing if it is not such a text.
std::optional<fl::OptionValues> parse_options(const std::string& text);

// What a server needs to play it, but for a model; with one for such examples.
fl::Config config_of(const Experiment& experiment);
fl::Config config_of(const Experiment& experiment, const data::Examples& examples);

// Throws nn::InputError if a value makes no sense, whatever the data. What depends on the number of
// clients is left out as long as that is to be taken from the data.
void validate(const Experiment& experiment);
// The same, and if it does not fit the data.
void validate(const Experiment& experiment, const data::Task& dataset);

}  // namespace federated
