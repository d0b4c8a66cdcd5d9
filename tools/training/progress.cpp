#include "tools/training/progress.h"

#include <unistd.h>

#include <iomanip>
#include <iostream>

#include "nn/error.h"
#include "tools/training/losses.h"

namespace training {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Of the last row of a loss.csv; 0 if there is none.
double last_seconds(const std::string& csv) {
  double seconds = 0;
  const std::size_t row = csv.empty() ? csv.npos : csv.rfind('\n', csv.size() - 2);
  if (row != csv.npos) std::sscanf(csv.c_str() + row + 1, "%*d,%*f,%lf", &seconds);
  return seconds;
}

}  // namespace

State::State(const std::filesystem::path& folder, int rank)
    : file_(std::fopen((folder / nn::concat("rank-", rank, ".state")).c_str(), "w")) {}

void State::set(const std::string& text) {
  constexpr std::size_t width = 40;  // one write of a fixed length is never seen half
  if (!file_) return;
  std::string line = text.substr(0, width - 1);
  line.resize(width - 1, ' ');
  line += '\n';
  [[maybe_unused]] const auto written = pwrite(fileno(file_.get()), line.data(), line.size(), 0);
}

void State::set(int step, std::string_view action, int microbatch) {
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  set(nn::concat("step ", step, ' ', action, ' ', microbatch));
}

LossLog::LossLog(const std::filesystem::path& file, int steps, int tokens_per_step,
                 const std::string& earlier)
    : csv_(file), steps_(steps), tokens_per_step_(tokens_per_step) {
  csv_ << std::setprecision(9);
  if (earlier.empty()) csv_ << losses_header << '\n';
  csv_ << earlier << std::flush;
  earlier_seconds_ = last_seconds(earlier);
  start_ = second_ = last_printed_ = Clock::now();
}

void LossLog::add(int step, double loss) {
  const auto now = Clock::now();
  if (++done_ == 1) second_ = now;
  const double pace = done_ > 1 ? seconds_per_step() : seconds_between(start_, now);
  const double rate = tokens_per_step_ / std::max(pace, 1e-9);
  csv_ << step << ',' << loss << ',' << earlier_seconds_ + seconds() << ','
       << static_cast<long>(rate) << std::endl;
  nn::require(csv_.good(), "cannot write to loss.csv");
  if (done_ > 1 && step < steps_ && seconds_between(last_printed_, now) < 2) return;
  last_printed_ = now;
  std::cout << "step " << step << '/' << steps_ << "  loss " << std::fixed << std::setprecision(4)
            << loss << "  " << static_cast<long>(rate) << " tokens/s  "
            << clock_text(pace * (steps_ - step)) << " to go" << std::endl;
}

void LossLog::leave_out(int step) {
  std::cout << "step " << step << '/' << steps_ << "  left out: not finite" << std::endl;
}

double LossLog::seconds() const { return seconds_between(start_, Clock::now()); }

double LossLog::seconds_per_step() const {
  return done_ > 1 ? seconds_between(second_, Clock::now()) / (done_ - 1) : seconds();
}

std::string clock_text(double seconds) {
  const long all = static_cast<long>(seconds + 0.5);
  std::ostringstream text;
  if (all >= 3600) text << all / 3600 << ':' << std::setfill('0') << std::setw(2);
  text << all / 60 % 60 << ':' << std::setfill('0') << std::setw(2) << all % 60;
  return text.str();
}

}  // namespace training
