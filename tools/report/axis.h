#pragma once

#include <string>
#include <vector>

#include "tools/report/document.h"

namespace report {

// The value with this many decimals, never "-0".
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

// An axis around the values; 0 to 1 without values. With ends_on_ticks it reaches from tick to
// tick, otherwise from the first value to the last, and whole values have whole ticks.
Axis axis_of(const std::vector<double>& values, int most_ticks, bool ends_on_ticks);

struct Axes {
  Axis x, y;
  bool is_empty;  // no point to draw
};

// Axes around every point that can be drawn. Throws nn::Error if a series has more x than y or the
// other way round.
Axes axes_of(const LinePlot& plot);

}  // namespace report
