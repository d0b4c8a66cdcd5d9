#include "tools/training/progress.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "tools/report/progress.h"
#include "tools/training/losses.h"
#include "tools/training/validation.h"

namespace training {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// The seconds in the last row of a loss.csv; 0 if there is none.
double last_seconds(const std::string& csv) {
  double seconds = 0;
  const std::size_t row = csv.empty() ? csv.npos : csv.rfind('\n', csv.size() - 2);
  if (row != csv.npos) std::sscanf(csv.c_str() + row + 1, "%*d,%*f,%lf", &seconds);
  return seconds;
}

}  // namespace

State::State(const std::filesystem::path& file)
    : file_(file.empty() ? nullptr : std::fopen(file.c_str(), "w")) {}

void State::set(const std::string& text) {
  constexpr std::size_t width = 40;  // a reader never sees half of a write of fixed length
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

LossLog::LossLog(int steps, int tokens_per_step, std::string earlier, bool has_norms,
                 double seconds_at_peak)
    : earlier_(std::move(earlier)),
      has_norms_(has_norms),
      steps_(steps),
      tokens_per_step_(tokens_per_step),
      seconds_at_peak_(seconds_at_peak),
      earlier_seconds_(last_seconds(earlier_)) {}

void LossLog::open(const std::filesystem::path& file) {
  path_ = file;
  const std::string_view header = has_norms_ ? header_with_norms : losses_header;
  nn::write_file_atomically(file, earlier_.empty() ? nn::concat(header, '\n') : earlier_);
  file_.reset(std::fopen(file.c_str(), "a"));
  if (!file_) nn::throw_cannot_write(file, std::strerror(errno));
}

void LossLog::leave_out(double seconds) {
  first_ += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void LossLog::add(int step, double loss, double norm, std::optional<double> validation) {
  last_ = Clock::now();
  if (++done_ == 1) first_ = last_;
  const double seconds = seconds_between(start_, last_);
  const double pace = seconds_per_step().value_or(seconds);
  const long rate = static_cast<long>(tokens_per_step_ / std::max(pace, 1e-9));
  std::fprintf(file_.get(), "%d,%.9g,%.9g,%ld", step, loss, earlier_seconds_ + seconds, rate);
  if (has_norms_) std::fprintf(file_.get(), ",%.9g", norm);
  std::fputc('\n', file_.get());
  if (std::fflush(file_.get()) != 0) nn::throw_cannot_write(path_, std::strerror(errno));
  struct stat status;
  if (::fstat(fileno(file_.get()), &status) == 0 && status.st_nlink == 0)
    throw nn::InputError(path_.string() + " was removed while the run wrote to it",
                         "leave a run's folder alone until it ends");
  if (done_ > 1 && step < steps_ && !validation && seconds_between(printed_, last_) < 2) return;
  printed_ = last_;
  std::cout << "step " << step << '/' << steps_ << "  loss " << std::fixed << std::setprecision(4)
            << loss;
  if (validation)
    std::cout << "  validation " << *validation << " (perplexity " << std::setprecision(2)
              << perplexity_of(*validation) << ')';
  std::cout << "  " << rate << " tokens/s";
  if (seconds_at_peak_ > 0)
    std::cout << "  " << std::setw(2) << std::lround(100 * seconds_at_peak_ / pace) << " %";
  std::cout << "  " << report::clock_text(pace * (steps_ - step)) << " to go" << std::endl;
}

void LossLog::skip(int step) {
  std::cout << "step " << step << '/' << steps_ << "  skipped: not finite" << std::endl;
}

std::optional<double> LossLog::seconds_per_step() {
  if (done_ == 0) return std::nullopt;
  return done_ > 1 ? seconds_between(first_, last_) / (done_ - 1) : seconds_between(start_, last_);
}

}  // namespace training
