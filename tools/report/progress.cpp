#include "tools/report/progress.h"

#include <algorithm>
#include <cmath>

#include "nn/base/error.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"

namespace report {
namespace {

std::string clock_time(double seconds) {
  const long whole = std::lround(seconds), hours = whole / 3600;
  const auto two = [](long value) { return nn::concat(value < 10 ? ":0" : ":", value); };
  return (hours > 0 ? nn::concat(hours, two(whole / 60 % 60)) : nn::concat(whole / 60)) +
         two(whole % 60);
}

std::string rate(double per_second, const std::string& unit) {
  if (per_second < 0.1) return nn::concat(fixed(60 * per_second, 1), " ", unit, "/min");
  return nn::concat(fixed(per_second, per_second < 100 ? 1 : 0), " ", unit, "/s");
}

}  // namespace

ProgressBar::ProgressBar(std::ostream& out, bool enabled, std::string unit, int width, Clock clock)
    : out_(out), enabled_(enabled), unit_(std::move(unit)), width_(width), clock_(clock) {}

void ProgressBar::update(const std::string& name, int done, int total, const std::string& detail) {
  if (!enabled_) return;
  const auto now = clock_();
  const bool is_new = name != name_ || done < last_done_;
  if (is_new) name_ = name, first_done_ = done, started_ = now;
  last_done_ = done;
  if (is_drawn_ && !is_new && done < total && now - drawn_ < std::chrono::milliseconds(100)) return;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  out_ << '\r' << line(done, total, detail, seconds) << "\x1b[K" << std::flush;
  drawn_ = now;
  is_drawn_ = true;
}

void ProgressBar::clear() {
  if (is_drawn_) out_ << "\r\x1b[K" << std::flush;
  is_drawn_ = false;
}

std::string ProgressBar::line(int done, int total, const std::string& detail,
                              double seconds) const {
  std::string figures = nn::concat("  ", done, "/", total, " ", unit_);
  if (done > first_done_ && seconds > 0) {
    const double per_second = (done - first_done_) / seconds;
    figures += "  " + rate(per_second, unit_);
    if (done < total) figures += "  ETA " + clock_time((total - done) / per_second);
  }
  if (!detail.empty()) figures += "  " + detail;

  constexpr int least_bar = 8, most_bar = 24;
  figures = shorten(figures, width_ - least_bar - 6);
  const int space = width_ - display_width(figures) - 2;
  const std::string name = shorten(name_, space - least_bar);
  const int cells = std::min(most_bar, space - display_width(name));
  const int full =
      total > 0 ? std::clamp(static_cast<int>(1.0 * cells * done / total), 0, cells) : 0;
  return name + "  " + repeat("█", full) + repeat("░", cells - full) + figures;
}

}  // namespace report
