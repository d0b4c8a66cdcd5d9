#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace training {

// What a rank is doing, in a file of one line that the launcher shows.
class State {
 public:
  State(const std::filesystem::path& folder, int rank);
  void set(const std::string& text);
  void set(int step, std::string_view action, int microbatch);  // five times a second at most

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  std::chrono::steady_clock::time_point next_{};
};

// loss.csv, one row per step as it is done, and now and then a line on the standard output.
class LossLog {
 public:
  // `earlier` is the file of the run that this one goes on with, if there is one.
  LossLog(const std::filesystem::path& file, int steps, int tokens_per_step,
          const std::string& earlier = "");
  void add(int step, double loss);  // steps count from 1
  void leave_out(int step);         // a step without loss has no row
  double seconds() const;           // since it was made
  double seconds_per_step() const;  // without the first step, which warms up

 private:
  std::ofstream csv_;
  int steps_, tokens_per_step_, done_ = 0;
  double earlier_seconds_ = 0;
  std::chrono::steady_clock::time_point start_, second_, last_printed_;
};

// "1:02:03" or "2:03"
std::string clock_text(double seconds);

}  // namespace training
