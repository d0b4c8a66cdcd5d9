#include "tools/report/document.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"
#include "tools/report/markup.h"
#include "tools/report/svg.h"

namespace report {
namespace {

using nn::concat;

std::string stroke(std::string_view path, std::size_t series) {
  constexpr std::array dashes{"none", "8 3", "2.5 3", "9 3 2.5 3"};
  return concat("<path class=\"line\" stroke-dasharray=\"", dashes[series % dashes.size()],
                "\" d=\"", path, "\"/>\n");
}

// A circle, square, triangle, diamond or upside-down triangle of about the same area.
std::string marker(std::string_view start, std::size_t series, std::string_view content = "") {
  constexpr std::array shapes{"m-4.2,0a4.2,4.2 0 1 0 8.4,0a4.2,4.2 0 1 0 -8.4,0z",
                              "m-3.7,-3.7h7.4v7.4h-7.4z", "m0,-5.2l5,8.7h-10z",
                              "m0,-5.4l5,5.4l-5,5.4l-5,-5.4z", "m0,5.2l5,-8.7h-10z"};
  const std::string_view shape = shapes[series % shapes.size()];
  return element(concat("path class=\"mark\" d=\"", start, shape, "\""), content) + "\n";
}

std::string coloured(std::size_t series, const std::string& what) {
  return element(concat("g class=\"c", series % light.lines.size(), "\""), what) + "\n";
}

// One character of a terminal: two dots wide and four high, or one marker instead of the dots.
struct Cell {
  unsigned dots = 0;  // the low byte of the code point U+2800 + dots
  std::size_t series = 0;
  bool has_marker = false;

  std::string text(bool colour) const {
    constexpr std::array glyphs{"●", "■", "▲", "◆", "▼", "○", "□", "△", "◇", "▽"};
    constexpr std::array colours{"32", "166", "36", "169", "136", "244"};
    if (!has_marker && dots == 0) return " ";
    const std::string braille{'\xe2', static_cast<char>(0xa0 | dots >> 6),
                              static_cast<char>(0x80 | (dots & 0x3f))};
    const std::string what = has_marker ? glyphs[series % glyphs.size()] : braille;
    if (!colour) return what;
    return concat("\x1b[38;5;", colours[series % colours.size()], "m", what, "\x1b[0m");
  }
};

std::vector<Cell> cells_of(const std::vector<Series>& all, const Axes& axes, int columns,
                           int rows) {
  std::vector<Cell> cells(columns * rows);
  const auto x_of = [&](double x) { return axes.x.fraction(x) * (2 * columns - 1); };
  const auto y_of = [&](double y) { return (1 - axes.y.fraction(y)) * (4 * rows - 4) + 1.5; };
  const auto draw = [&](double x, double y, std::size_t series, bool is_marker) {
    constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    const long column = std::lround(x), row = std::lround(y);
    Cell& cell = cells[row / 4 * columns + column / 2];
    cell = {is_marker ? 0 : cell.dots | bits[row % 4][column % 2], series, is_marker};
  };
  std::size_t longest = 0;
  for (std::size_t s = 0; s < all.size(); ++s) {
    const auto &xs = all[s].x, &ys = all[s].y;
    longest = std::max(longest, xs.size());
    for (std::size_t i = 1; i < xs.size(); ++i) {
      if (!all[s].has_point(i - 1) || !all[s].has_point(i)) continue;
      const double x = x_of(xs[i - 1]), dx = x_of(xs[i]) - x;
      const double y = y_of(ys[i - 1]), dy = y_of(ys[i]) - y;
      const int steps = 1 + static_cast<int>(std::max(std::abs(dx), std::abs(dy)));
      for (double step = 0; step <= steps; ++step)
        draw(x + step / steps * dx, y + step / steps * dy, s, false);
    }
  }
  // The series drawn last changes from point to point: coinciding lines show their markers in turn.
  const std::size_t stride = 1 + longest / 25;
  for (std::size_t i = 0; i < longest; i += stride)
    for (std::size_t turn = 0; turn < all.size(); ++turn) {
      const std::size_t s = (i / stride + turn) % all.size();
      if (all[s].has_point(i)) draw(x_of(all[s].x[i]), y_of(all[s].y[i]), s, true);
    }
  return cells;
}

// The x axis with the labels for which there is room.
std::string x_axis(const Axis& axis, int columns, int margin) {
  std::string labels(margin + columns, ' ');
  std::vector<std::string> line(columns, "─");
  int end = -1;
  for (const double tick : axis.ticks) {
    const int column = static_cast<int>(std::lround(axis.fraction(tick) * (2 * columns - 1))) / 2;
    line[column] = "┬";
    const std::string label = axis.label(tick);
    const int length = static_cast<int>(label.size());
    const int start = std::clamp(margin + column - (length - 1) / 2, 0, margin + columns - length);
    if (start <= end) continue;
    labels.replace(start, length, label);
    end = start + length;
  }
  return repeat(" ", margin - 1) + "└" + nn::join(line, "") + "\n" +
         without_trailing_spaces(labels) + "\n";
}

std::string centred(const std::string& text, int margin, int columns) {
  const std::string line = shorten(text, columns);
  return repeat(" ", margin + (columns - display_width(line)) / 2) + line + "\n";
}

}  // namespace

std::string to_svg(const LinePlot& plot, Theme theme) {
  constexpr double height = 300;
  constexpr std::size_t most_markers = 40;  // of a line
  const Axes axes = axes_of(plot);
  std::size_t longest = 0;
  for (const double tick : axes.y.ticks) longest = std::max(longest, axes.y.label(tick).size());
  // A small margin keeps the first and last marker off the frame.
  Svg svg(plot.title, axes.x, 36 + longest * Svg::character, height, 14);
  const auto y_of = [&](double y) { return svg.bottom - axes.y.fraction(y) * height; };
  for (const double tick : axes.y.ticks) {
    svg.line("grid", svg.left, y_of(tick), Svg::right, y_of(tick));
    svg.text(svg.left - 8, y_of(tick) + 4.5, "end", axes.y.label(tick));
  }
  const auto step = [&](const char* command, double x, double y) {  // of a path
    return concat(command, at(svg.x(x)), ",", at(y_of(y)));
  };
  svg.x_axis(plot.x_label);
  svg.add("<g transform=\"translate(16 ", at(Svg::top + height / 2), ") rotate(-90)\">\n");
  svg.text(0, 0, "middle", plot.y_label);
  svg.add("</g>\n");
  if (axes.is_empty)
    svg.text((svg.left + Svg::right) / 2, Svg::top + height / 2, "middle", "no data");

  std::vector<Svg::Entry> entries;
  for (std::size_t number = 0; number < plot.series.size(); ++number) {
    const Series& series = plot.series[number];
    const std::string swatch = stroke("M0,0h40", number) + marker("M20.0,0.0", number);
    entries.push_back({series.name, coloured(number, swatch)});
    // Crowded markers would hide their line. Lines that coincide have different points marked.
    const std::size_t stride = (series.x.size() + most_markers - 1) / most_markers;
    const std::size_t first_marker = number * stride / plot.series.size();
    std::string path, marks, upper, lower;  // the last two are the edges of the band
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!series.has_point(i)) continue;
      const double x = series.x[i], y = series.y[i];
      path += step(i > 0 && series.has_point(i - 1) ? "L" : "M", x, y);
      if (i % stride == first_marker) {
        const std::string tooltip = concat(series.name, "\n", plot.x_label, " ", axes.x.label(x),
                                           ": ", fixed(y, std::abs(y) < 1 ? 4 : 2));
        marks += marker(step("M", x, y), number, element("title", escape_xml(tooltip)));
      }
      if (series.spread.empty()) continue;
      upper += step(upper.empty() ? "M" : "L", x, y + series.spread[i]);
      lower = step("L", x, y - series.spread[i]) + lower;
    }
    if (!upper.empty()) upper = concat("<path class=\"band\" d=\"", upper, lower, "z\"/>\n");
    svg.add(coloured(number, upper + (path.empty() ? "" : stroke(path, number)) + marks));
  }
  return svg.finish(theme, entries);
}

std::string to_text(const LinePlot& plot, bool colour) {
  const Axes axes = axes_of(plot);
  int margin = 0;
  for (const double tick : axes.y.ticks)
    margin = std::max(margin, 2 + display_width(axes.y.label(tick)));
  const int columns = screen_width - margin;
  const int intervals = static_cast<int>(axes.y.ticks.size()) - 1;
  const int rows_per_tick = std::max(1, 20 / intervals), rows = rows_per_tick * intervals + 1;
  const std::vector<Cell> cells = cells_of(plot.series, axes, columns, rows);

  std::string result = centred(plot.title, margin, columns);
  result += shorten(plot.y_label, screen_width) + "\n";
  for (int row = 0; row < rows; ++row) {
    const bool has_tick = row % rows_per_tick == 0;
    const double tick = axes.y.ticks[intervals - row / rows_per_tick];
    std::string line = pad_left(has_tick ? axes.y.label(tick) + " ┤" : "│", margin);
    for (int column = 0; column < columns; ++column)
      line += cells[row * columns + column].text(colour);
    result += without_trailing_spaces(line) + "\n";
  }
  result += x_axis(axes.x, columns, margin) + centred(plot.x_label, margin, columns);
  if (axes.is_empty) result += "  no data\n";
  for (std::size_t s = 0; s < plot.series.size(); ++s)
    result += "  " + Cell{0, s, true}.text(colour) + " " +
              shorten(plot.series[s].name, screen_width - 4) + "\n";
  return result;
}

}  // namespace report
