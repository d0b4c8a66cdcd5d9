#pragma once

#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <utility>

namespace report {

// One line that rewrites itself, for a terminal:
//   FedAvg N=100 C=0.1  ████████░░░░░░░░  7/15 rounds  1.2 rounds/s  ETA 0:07  87.0 %
// Its destructor erases it: an error message then starts on a clean line.
class ProgressBar {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  // Prints nothing at all unless enabled.
  explicit ProgressBar(std::ostream& out, bool enabled,
                       Clock clock = std::chrono::steady_clock::now)
      : out_(out), enabled_(enabled), clock_(std::move(clock)) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Redraws at most ten times a second, but always for a new name and for the last round. The rate
  // counts from the first update with this name, best with done = 0.
  void update(const std::string& name, int done, int total, const std::string& detail = "");

  // Erases the line to make room for other output. The next update draws it again.
  void clear();

 private:
  std::ostream& out_;
  bool enabled_, is_drawn_ = false;
  std::string name_;
  int first_done_ = 0, last_done_ = 0;
  Clock clock_;
  std::chrono::steady_clock::time_point started_, drawn_;
};

}  // namespace report
