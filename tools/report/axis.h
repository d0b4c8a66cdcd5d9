#pragma once

#include <string>
#include <vector>

#include "tools/report/document.h"

namespace report {

// The value with this many decimals, whatever the locale, and never "-0".
std::string fixed(double value, int decimals);

// A range with ticks at multiples of 1, 2 or 5 times a power of ten.
struct Axis {
  double low, high, step = 1;
  std::vector<double> ticks = {};

  int decimals() const;  // of the ticks
  std::string label(double tick) const;
  // 0 at `low`, 1 at `high`.
  double fraction(double value) const { return (value - low) / (high - low); }
};

// An axis of at most so many ticks around the values. Without ends_on_ticks it ends at the first
// and last value, and ticks of whole values are whole. No values: 0 to 1.
Axis axis_of(const std::vector<double>& values, int most_ticks, bool ends_on_ticks);

struct Axes {
  Axis x, y;
  bool is_empty;  // no point to draw
};

// Axes around every drawable point, of which y ends on ticks. Throws nn::Error if a series has more
// x than y or the other way round.
Axes axes_of(const LinePlot& plot, int most_x_ticks, int most_y_ticks);

}  // namespace report
