#pragma once

#include <string>
#include <vector>

#include "tools/report/document.h"

namespace report {

// The value with this many decimals, whatever the locale, and never "-0".
std::string fixed(double value, int decimals);

// False for NaN, infinity and what is too large to do arithmetic with.
bool is_drawable(double value);

// A range with ticks at multiples of 1, 2 or 5 times a power of ten.
struct Axis {
  double low = 0, high = 1, step = 1;
  std::vector<double> ticks;

  std::string label(double tick) const;
  // 0 at `low`, 1 at `high`.
  double fraction(double value) const { return (value - low) / (high - low); }
};

struct Axes {
  Axis x, y;
  bool is_empty = false;  // no point to draw
};

// Axes around every drawable point: x ends at the first and last point, y at a tick. Throws
// nn::Error if a series has more x than y or the other way round.
Axes axes_of(const LinePlot& plot, int most_x_ticks, int most_y_ticks);

}  // namespace report
