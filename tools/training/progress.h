#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace training {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using CFile = std::unique_ptr<std::FILE, CloseFile>;

// What a rank is doing, in a file of one line that the launcher shows.
class State {
 public:
  explicit State(const std::filesystem::path& file);  // empty: not written
  void set(const std::string& text);
  void set(int step, std::string_view action, int microbatch);  // five times a second at most

 private:
  CFile file_;
  std::chrono::steady_clock::time_point next_{};
};

// loss.csv, one row per step as it is done, and now and then a line on the standard output.
class LossLog {
 public:
  // Its clock starts now. `earlier` is the content of the resumed run's file, if any.
  LossLog(int steps, int tokens_per_step, std::string earlier = "");

  // Starts the file, with the earlier rows. Throws nn::InputError, as add() does.
  void open(const std::filesystem::path& file);

  void add(int step, double loss);           // steps count from 1
  void leave_out(int step);                  // a step without loss has no row
  std::optional<double> seconds_per_step();  // without the first one, which warms up

 private:
  using Clock = std::chrono::steady_clock;

  CFile file_;
  std::filesystem::path path_;
  std::string earlier_;
  int steps_, tokens_per_step_, done_ = 0;
  double earlier_seconds_;
  Clock::time_point start_ = Clock::now(), first_, last_,
                    printed_;  // done: the first step, the last
};

// "1:02:03" or "2:03"
std::string clock_text(double seconds);

}  // namespace training
