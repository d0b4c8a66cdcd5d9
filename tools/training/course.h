#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "pipeline/gradients.h"

namespace training {

// How far an elastic run has come: what a process knows of it from one epoch to the next.
struct Course {
  bool is_under_way = false;  // this process has a state; if not, what follows means nothing
  int first = 0, done = 0;  // steps done when the run began, or went on from a checkpoint; and now
  std::string run;          // its id
  pipeline::Gradients::Verdict verdict;  // on the last step done

  struct Row {
    double loss, norm;
  };
  static constexpr std::size_t most_rows = 1000;
  std::map<int, Row> rows;  // the last steps since this process came, other than skipped ones
  double seconds = 0;       // from the end of the step before the last one to that of the last

  // On rank 0 after `done` steps: whether others are to join.
  std::function<bool(int done)> calls_others = [](int) { return false; };
  // Once an epoch begins: the run's id.
  std::function<void(const std::string& run)> on_run = [](const std::string&) {};

  bool has_begun() const { return is_under_way && done > first; }  // the folder is this run's

  // At the beginning of every epoch, after `done` steps.
  void set_out(int done, const std::string& run);

  // After a step. `loss`: the mean over its batch; empty if the step was skipped.
  void add(int step, std::optional<double> loss, pipeline::Gradients::Verdict verdict);

  // The first step and the verdict as one line, with all bits, and back.
  std::string result() const;
  void follow(int done, const std::string& result);

  // The content of loss.csv in this folder until now, with rows that its last writer was lost
  // before it could write.
  std::string losses(const std::filesystem::path& folder, bool has_norms) const;

 private:
  std::optional<std::chrono::steady_clock::time_point> last_;
};

}  // namespace training
