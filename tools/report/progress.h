#pragma once

#include <chrono>
#include <functional>
#include <ostream>
#include <string>

namespace report {

// One line that rewrites itself, for a terminal:
//   FedAvg N=100 C=0.1  ████████░░░░░░░░  7/15 rounds  1.2 rounds/s  ETA 0:07  87.0 %
// It erases itself when destroyed, so that an error message starts on a clean line.
class ProgressBar {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  // Prints nothing at all unless enabled. `width` is the most columns used.
  explicit ProgressBar(std::ostream& out, bool enabled, std::string unit = "rounds", int width = 79,
                       Clock clock = std::chrono::steady_clock::now);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Redraws at most ten times a second, but always for a new name and for the last step. The rate
  // counts from the first update with this name, best with done = 0.
  void update(const std::string& name, int done, int total, const std::string& detail = "");

  // Erases the line, so that something else can be printed; the next update draws it again.
  void clear();

 private:
  std::string line(int done, int total, const std::string& detail, double seconds) const;

  std::ostream& out_;
  bool enabled_, is_drawn_ = false;
  std::string unit_, name_;
  int width_, first_done_ = 0, last_done_ = 0;
  Clock clock_;
  std::chrono::steady_clock::time_point started_, drawn_;
};

}  // namespace report
