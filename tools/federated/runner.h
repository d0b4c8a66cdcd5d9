#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tools/federated/experiment.h"
#include "tools/federated/saved_run.h"
#include "tools/report/progress.h"

// Experiments and their results.
namespace federated {

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

// All that a run's numbers depend on, in one line.
std::string identity_of(const Experiment& experiment, const data::Task& dataset);

// Runs experiments, each at most once: the rounds of a short run are the first ones of a longer
// run.
class Runner {
 public:
  // Where clients train, if not on threads of this process; `run` is identity_of() the run.
  using MakeExecutor =
      std::function<std::unique_ptr<fl::Executor>(fl::Server& server, const std::string& run)>;
  struct Options {
    int threads = 1;
    const std::atomic<bool>* stop = nullptr;  // when set, no further round is played
    std::ostream* log = nullptr;              // what must be said while it runs
    report::ProgressBar* bar = nullptr;
    // Opens where the rounds of a run, described in one line, are kept; none: nowhere.
    std::function<std::unique_ptr<SavedRun>(const std::string& run)> open_saved = nullptr;
    MakeExecutor make_executor = nullptr;
    // Called before the first round, with those of the saved run, and after every round.
    std::function<void(const std::vector<fl::Round>& rounds, fl::Server& server)> watch = nullptr;
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
  void say(const std::string& line);
  Entry& entry_of(const Experiment& experiment);
  void play(Entry& entry);

  data::Task dataset_;
  Options options_;
  std::vector<Entry> entries_;
};

}  // namespace federated
