#pragma once

#include <limits>
#include <string>
#include <vector>

#include "tools/report/document.h"

namespace report {

// The value with this many decimals, whatever the locale, and never "-0".
std::string fixed(double value, int decimals);

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void add(double value);
  bool is_empty() const { return low > high; }
};

// A range with ticks at multiples of 1, 2 or 5 times a power of ten.
struct Axis : Range {
  double step = 1;
  std::vector<double> ticks;

  int decimals() const;  // of the ticks
  std::string label(double tick) const;
  // 0 at `low`, 1 at `high`.
  double fraction(double value) const { return (value - low) / (high - low); }
};

// An axis of at most so many ticks. It ends where the range does or, with ends_on_ticks, at the
// next tick. An empty range becomes 0 to 1.
Axis axis_of(Range range, int most_ticks, double smallest_step, bool ends_on_ticks);

struct Axes {
  Axis x, y;
  bool is_empty = false;  // no point to draw
};

// Axes around every drawable point: x ends at the first and last point, y at a tick. Throws
// nn::Error if a series has more x than y or the other way round.
Axes axes_of(const LinePlot& plot, int most_x_ticks, int most_y_ticks);

}  // namespace report
