#include "tools/report/axis.h"

#include <algorithm>
#include <cmath>
#include <iomanip>

#include "nn/base/error.h"

namespace report {
namespace {

// Floor and ceiling that forgive rounding: 0.3 holds three steps of 0.1.
double steps_below(double value, double step) { return std::floor(value / step + 1e-6); }
double steps_above(double value, double step) { return std::ceil(value / step - 1e-6); }

// The smallest 1-2-5 step with which at most `most` ticks fall on the range.
double nice_step(double low, double high, int most, double smallest) {
  for (double power = std::pow(10, std::floor(std::log10((high - low) / most)));; power *= 10)
    for (const double step : {power, 2 * power, 5 * power})
      if (step >= smallest * 0.999 && steps_above(high, step) - steps_below(low, step) < most)
        return step;
}

}  // namespace

std::string fixed(double value, int decimals) {
  const std::string text = nn::concat(std::fixed, std::setprecision(decimals), value);
  return text.find_first_not_of("-0.") == text.npos ? text.substr(text[0] == '-') : text;
}

int Axis::decimals() const {
  return std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9)));
}

std::string Axis::label(double tick) const {
  const double largest = std::max(std::abs(low), std::abs(high));
  if (largest < 1e6 && decimals() <= 8) return fixed(tick, decimals());
  const int digits = 1 + static_cast<int>(std::ceil(std::log10(largest / step)));
  return nn::concat(std::setprecision(digits), tick);
}

Axis axis_of(const std::vector<double>& values, int most_ticks, bool ends_on_ticks) {
  auto [low, high] = values.empty() ? std::ranges::minmax({0.0, 1.0}) : std::ranges::minmax(values);
  const auto is_whole = [](double value) { return value == std::floor(value); };
  const bool has_whole_ticks = !ends_on_ticks && std::ranges::all_of(values, is_whole);
  if (high - low < 1e-7 * std::max(std::abs(high), 1e-290)) {
    const double margin = low == 0 ? 1 : std::max(std::abs(low) * 0.01, 1.0 * has_whole_ticks);
    low -= margin, high += margin;
  }
  Axis axis{low, high, nice_step(low, high, most_ticks, has_whole_ticks)};
  double tick = (ends_on_ticks ? steps_below : steps_above)(low, axis.step);
  const double last = (ends_on_ticks ? steps_above : steps_below)(high, axis.step);
  for (; tick <= last; ++tick) axis.ticks.push_back(tick * axis.step + 0.0);  // never -0
  if (ends_on_ticks) axis.low = axis.ticks.front(), axis.high = axis.ticks.back();
  return axis;
}

Axes axes_of(const LinePlot& plot) {
  std::vector<double> x, y;
  for (const Series& series : plot.series) {
    nn::require(series.x.size() == series.y.size(), "plot: series ", series.name, " has ",
                series.x.size(), " x and ", series.y.size(), " y");
    for (std::size_t i = 0; i < series.x.size(); ++i)
      if (series.has_point(i)) {
        const double spread = series.spread.empty() ? 0 : series.spread.at(i);
        x.push_back(series.x[i]);
        y.insert(y.end(), {series.y[i] - spread, series.y[i] + spread});
      }
  }
  return {axis_of(x, 16, false), axis_of(y, 7, true), x.empty()};
}

}  // namespace report
