#pragma once

#include <chrono>
#include <optional>
#include <ostream>
#include <string>

namespace report {

// "1:02:03" or "2:03"
std::string clock_text(double seconds);

// One line that rewrites itself, for a terminal:
//   FedAvg N=100 C=0.1  ████████░░░░░░░░  7/15 rounds  1.2 rounds/s  ETA 0:07  87.0 %
// On a narrow terminal the rate is left out, then the time to go. Its destructor erases the line:
// an error message then starts on a clean one.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;

  // `terminal`: the descriptor whose width the line fits; -1: 80 columns.
  explicit ProgressBar(std::ostream& out, int terminal = -1) : out_(out), terminal_(terminal) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Redraws at most ten times a second, but always for a new name and for the last round. The rate
  // counts from the first update with this name, best with done = 0.
  void update(const std::string& name, int done, int total, const std::string& detail = "",
              Clock::time_point now = Clock::now());

  // Erases the line to make room for other output. The next update draws it again.
  void clear();

 private:
  std::ostream& out_;
  int terminal_;
  std::string name_;
  int first_done_ = 0, last_done_ = 0;
  Clock::time_point started_;
  std::optional<Clock::time_point> drawn_;  // the line, if it is there
};

}  // namespace report
