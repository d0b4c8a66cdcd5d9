#include "tools/report/progress.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cmath>

#include "nn/base/error.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"

namespace report {
namespace {

std::string rate_text(double per_second) {
  if (per_second < 0.1) return fixed(60 * per_second, 1) + " rounds/min";
  return fixed(per_second, per_second < 100 ? 1 : 0) + " rounds/s";
}

constexpr int least_bar = 8, most_bar = 24, least_name = 4;

// Name, bar and figures, cut to this width.
std::string line(const std::string& full_name, double share, const std::string& full_figures,
                 int width) {
  const std::string figures = shorten(full_figures, width - least_bar - least_name - 2);
  const int space = width - display_width(figures) - 2;
  const std::string name = shorten(full_name, space - least_bar);
  const int cells = std::clamp(space - display_width(name), 0, most_bar);
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * cells);
  return name + "  " + repeat("█", full) + repeat("░", cells - full) + figures;
}

int columns_of(int terminal) {
  winsize size{};
  const bool is_known = ::ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return is_known ? size.ws_col : screen_width;
}

}  // namespace

std::string clock_text(double seconds) {
  const long whole = std::lround(seconds);
  const auto two = [](long value) { return nn::concat(value < 10 ? ":0" : ":", value); };
  if (whole < 3600) return nn::concat(whole / 60, two(whole % 60));
  return nn::concat(whole / 3600, two(whole / 60 % 60), two(whole % 60));
}

void ProgressBar::update(const std::string& name, int done, int total, const std::string& detail,
                         Clock::time_point now) {
  const bool is_new = name != name_ || done < last_done_;
  if (is_new) name_ = name, first_done_ = done, started_ = now;
  last_done_ = done;
  if (drawn_ && !is_new && done < total && now - *drawn_ < std::chrono::milliseconds(100)) return;

  std::string rate, to_go, figures = nn::concat("  ", done, "/", total, " rounds");
  const double seconds = std::chrono::duration<double>(now - started_).count();
  if (done > first_done_ && seconds > 0) {
    const double per_second = (done - first_done_) / seconds;
    rate = "  " + rate_text(per_second);
    if (done < total) to_go = "  ETA " + clock_text((total - done) / per_second);
  }
  const std::string end = detail.empty() ? "" : "  " + detail;
  const int width = columns_of(terminal_) - 1;  // some terminals break a full line
  const int named = std::min(display_width(name), std::max(least_name, width / 3));
  const int room = width - named - display_width(figures + end) - least_bar - 2;
  if (display_width(rate + to_go) <= room) figures += rate;
  if (display_width(to_go) <= room) figures += to_go;
  const double share = total > 0 ? 1.0 * done / total : 0;
  out_ << '\r' << line(name, share, figures + end, width) << "\x1b[K" << std::flush;
  drawn_ = now;
}

void ProgressBar::clear() {
  if (drawn_) out_ << "\r\x1b[K" << std::flush;
  drawn_.reset();
}

}  // namespace report
