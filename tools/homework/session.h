#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/homework/options.h"
#include "tools/report/progress.h"

namespace homework {

// What a command of hw1 works with: the data set, and a runner that shows on a terminal how far it
// is.
class Session {
 public:
  using OpenSaved = std::function<std::unique_ptr<SavedRun>(const std::string& run)>;

  // Fetches the data set if need be. `stop` must outlive the session.
  Session(const Options& options, const std::atomic<bool>& stop, OpenSaved open_saved);

  // As Runner's.
  void plan(const std::vector<Experiment>& experiments) { runner_.plan(experiments); }
  Run run(const Experiment& experiment);

  // Runs that are complete. Where they cannot be, because there was a signal, it says that the
  // rounds are kept in `kept`, and throws tools::Stopped.
  std::vector<Run> run_all(const std::vector<Experiment>& experiments, const std::string& kept);

  void print(const report::Document& document) const;

  // What makes the results, up to now: tools::provenance(), the data set and the threads.
  nn::Metadata made() const;

 private:
  data::ImageDataset dataset_;
  int threads_;
  report::ProgressBar bar_;
  Runner runner_;
};

}  // namespace homework
