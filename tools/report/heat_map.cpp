#include "tools/report/heat_map.h"

#include <algorithm>
#include <cmath>

#include "nn/base/error.h"
#include "tools/report/axis.h"
#include "tools/report/markup.h"
#include "tools/report/svg.h"

namespace report {
namespace {

using nn::concat;

// Many rows are low ones, and not all are named.
double row_height(std::size_t rows) {
  return std::clamp(600.0 / static_cast<double>(std::max<std::size_t>(rows, 1)), 2.0, 24.0);
}

}  // namespace

std::string to_svg(const HeatMap& map) {
  double largest = 0;
  for (const std::vector<double>& row : map.values) {
    nn::require(row.size() == map.values.front().size(), "heat map: rows of ",
                map.values.front().size(), " and ", row.size(), " numbers");
    for (double value : row) largest = std::max(largest, value);
  }
  const std::size_t rows = map.values.size(), columns = rows ? map.values.front().size() : 0;
  const double height = row_height(rows);
  Axis axis = axis_of({0.0, static_cast<double>(columns) - 1}, 20, false);
  axis.low = -0.5, axis.high = static_cast<double>(columns) - 0.5;
  Svg svg(map.title, axis, 68, static_cast<double>(rows) * height);
  svg.x_axis(map.columns);
  svg.text(svg.left - 14, Svg::top - 8, "end", map.rows);

  const auto named = static_cast<std::size_t>(std::ceil(14 / height));  // one of so many rows
  for (std::size_t row = 0; row < rows; ++row) {
    const double y = Svg::top + static_cast<double>(row) * height;
    if (row % named == 0) svg.text(svg.left - 14, y + height / 2 + 4, "end", std::to_string(row));
    for (std::size_t column = 0; column < columns; ++column) {
      const double value = map.values[row][column], x = static_cast<double>(column);
      if (value == 0) continue;
      svg.add("<rect x=\"", at(svg.x(x - 0.5)), "\" y=\"", at(y), "\" width=\"",
              at(svg.x(x + 0.5) - svg.x(x - 0.5)), "\" height=\"", at(height), "\" fill=\"",
              fills[0], "\" fill-opacity=\"", fixed(0.1 + 0.9 * value / largest, 2),
              "\" style=\"stroke:none\">",
              element("title", escape_xml(concat(map.rows, ' ', row, ", ", map.columns, ' ', column,
                                                 ": ", value))),
              "</rect>\n");
    }
  }
  return svg.finish(Theme::automatic);
}

}  // namespace report
