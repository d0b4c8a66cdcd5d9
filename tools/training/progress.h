#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace training {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using CFile = std::unique_ptr<std::FILE, CloseFile>;

// What a rank is doing, in a one-line file that the launcher shows.
class State {
 public:
  explicit State(const std::filesystem::path& file);  // empty: not written
  void set(const std::string& text);
  void set(int step, std::string_view action, int microbatch);  // five times a second at most

 private:
  CFile file_;
  std::chrono::steady_clock::time_point next_{};
};

// Writes loss.csv, one row after each step, and from time to time a line to the standard output.
class LossLog {
 public:
  // Its clock starts now. `earlier`: the content of the file so far, if the run is resumed.
  // `seconds_at_peak`: of a step at the machine's peak, of which lines show the share; 0: unknown.
  LossLog(int steps, int tokens_per_step, std::string earlier = "", bool has_norms = false,
          double seconds_at_peak = 0);

  // Creates the file, with the earlier rows. Like add(), throws nn::InputError if it cannot write.
  void open(const std::filesystem::path& file);

  // Steps count from 1. `validation`: the loss of held-out text after this step, to print.
  void add(int step, double loss, double norm = 0, std::optional<double> validation = {});
  void skip(int step);  // a skipped step has no row
  // This time since the last step, such as that of an evaluation, is not a step's.
  void leave_out(double seconds);
  std::optional<double> seconds_per_step();  // excluding the first, which warms up

 private:
  using Clock = std::chrono::steady_clock;

  CFile file_;
  std::filesystem::path path_;
  std::string earlier_;
  bool has_norms_;
  int steps_, tokens_per_step_, done_ = 0;
  double seconds_at_peak_, earlier_seconds_;
  Clock::time_point start_ = Clock::now(), printed_;
  Clock::time_point first_, last_;  // when the first and the last step were done
};

}  // namespace training
