#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fl/server.h"
#include "tools/federated/saved_run.h"
#include "tools/report/progress.h"

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
  int rounds = 10;
  std::optional<double> target;  // test accuracy in percent to look for
  bool stops_at_target = false;  // no round is played after the one that reaches it
  int test_every = 1;            // rounds; the last one is tested in any case

  const fl::AlgorithmEntry& method() const;
  const fl::DefenceEntry* guard() const;             // null for "none"
  const fl::AttackEntry* attacker() const;           // null for "none"
  const fl::CompressionEntry* compressor() const;    // null for "none"
  const fl::ClockEntry* timekeeper() const;          // null for "none"
  std::vector<fl::OptionUser> option_users() const;  // the rows that it has chosen
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

// Throws nn::InputError if a value makes no sense, whatever the data. What depends on the number of
// clients is left out as long as that is to be taken from the data.
void validate(const Experiment& experiment);
// The same, and if it does not fit the data.
void validate(const Experiment& experiment, const data::Task& dataset);

struct Run {
  Experiment experiment;
  std::vector<fl::Round> rounds;
  // After the last round of a run with an attack, with its trigger if it has one:
  // [classes, classes], row true class, column predicted class.
  std::vector<int> confusion = {};
  std::string dataset = {};  // its name, with a checksum of the user's own data
  double final_accuracy() const { return rounds.back().accuracy; }
  bool is_complete() const;  // has its last round, or has stopped at its target
};

// Runs experiments, each at most once: the rounds of a short run are the first ones of a longer
// run.
class Runner {
 public:
  struct Options {
    int threads = 1;
    const std::atomic<bool>* stop = nullptr;  // when set, no further round is played
    std::ostream* log = nullptr;              // what must be said while it runs
    report::ProgressBar* bar = nullptr;
    // Opens where the rounds of a run, described in one line, are kept; none: nowhere.
    std::function<std::unique_ptr<SavedRun>(const std::string& run)> open_saved = nullptr;
  };
  // The examples must outlive it.
  Runner(const data::Task& dataset, Options options)
      : dataset_(dataset), options_(std::move(options)) {}

  // Announces what will be asked for, so that a run is made as long as its longest use.
  void plan(const std::vector<Experiment>& experiments);

  // The first experiment.rounds rounds, or those up to the target if it stops there; fewer if it
  // was stopped.
  Run run(const Experiment& experiment);

 private:
  struct Entry {
    std::string name;
    Experiment experiment;
    std::vector<fl::Round> rounds;
    std::vector<int> confusion = {};
  };
  bool is_stopped() const { return options_.stop && *options_.stop; }
  Entry& entry_of(const Experiment& experiment);
  void play(Entry& entry);

  data::Task dataset_;
  Options options_;
  std::vector<Entry> entries_;
};

}  // namespace federated
