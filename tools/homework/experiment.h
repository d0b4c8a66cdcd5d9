#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "fl/server.h"
#include "tools/homework/saved_run.h"
#include "tools/report/progress.h"

namespace homework {

// One curve: a configuration, by name where it needs a model or an algorithm, and its rounds.
struct Experiment {
  std::string algorithm = "fedavg";
  std::string model = "mnist_cnn";
  int clients = 100;
  double fraction = 0.1;
  fl::LocalTraining training;
  fl::Partition partition;
  std::uint64_t seed = 10;
  nn::DropoutStream dropout = nn::DropoutStream::mt;
  int rounds = 10;

  const fl::Algorithm& method() const;
};

// With the values that its algorithm fixes: one full batch for FedSGD, one client without
// federation.
Experiment settled(Experiment experiment);

// All that the numbers depend on but the count of rounds, such as
// "fedavg mnist_cnn N=100 C=0.1 B=100 E=1 η=0.01 iid seed=10".
std::string describe(const Experiment& experiment);

// Throws nn::InputError if a value makes no sense or does not fit the data.
void validate(const Experiment& experiment, const data::ImageDataset& dataset);

struct Run {
  Experiment experiment;
  std::vector<fl::Round> rounds;
  double final_accuracy() const { return rounds.back().accuracy; }
};

// Runs experiments, each at most once: the rounds of a short run are the first ones of a longer
// run.
class Runner {
 public:
  struct Options {
    int threads = 1;
    const std::atomic<bool>* stop = nullptr;
    std::ostream* log = nullptr;  // what must be said while it runs
    report::ProgressBar* bar = nullptr;
    SavedRun* saved = nullptr;  // where the rounds of a single experiment are kept
  };
  Runner(const data::ImageDataset& dataset, Options options)
      : dataset_(dataset), options_(options) {}

  // Announces what will be asked for, so that a run is made as long as its longest use.
  void plan(const std::vector<Experiment>& experiments);

  // The first experiment.rounds rounds.
  Run run(const Experiment& experiment);

 private:
  struct Entry {
    std::string name;
    Experiment experiment;
    std::vector<fl::Round> rounds;
  };
  Entry& entry_of(const Experiment& experiment);
  void play(Entry& entry);

  const data::ImageDataset& dataset_;
  Options options_;
  std::vector<Entry> entries_;
};

}  // namespace homework
