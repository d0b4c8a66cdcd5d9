#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/files/safetensors.h"
#include "tools/federated/command_line.h"
#include "tools/federated/dataset.h"
#include "tools/federated/runner.h"
#include "tools/report/document.h"
#include "tools/report/progress.h"

namespace federated {

// What a command works with: the data set, and a runner that shows its progress on a
// terminal.
class Session {
 public:
  using OpenSaved = std::function<std::unique_ptr<SavedRun>(const std::string& run)>;

  // Fetches the data set if need be. `stop` must outlive the session.
  Session(const Resources& resources, const std::atomic<bool>& stop, OpenSaved open_saved,
          Runner::MakeExecutor make_executor = nullptr);

  // With the number of clients that a natural split has, if it is to be taken from the data.
  Experiment with_clients(const Experiment& experiment) const;

  // As Runner's.
  void plan(const std::vector<Experiment>& experiments) { runner_.plan(experiments); }
  Run run(const Experiment& experiment);

  // Completes all runs. If a signal prevents that, says that the rounds are kept in `kept` and
  // throws tools::Stopped.
  std::vector<Run> run_all(const std::vector<Experiment>& experiments, const std::string& kept);

  void print(const report::Document& document) const;

  // How the experiment deals out the training samples, as an SVG element.
  std::string partition_svg(const Experiment& experiment) const;

  // The provenance of the results, as of now: tools::provenance(), the data set and the threads.
  nn::Metadata made() const;

 private:
  Dataset dataset_;
  int threads_;
  report::ProgressBar bar_;
  Runner runner_;
};

}  // namespace federated
