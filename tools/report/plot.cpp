#include "tools/report/plot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/base/error.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"
#include "tools/report/markup.h"
#include "tools/report/style.h"

namespace report {
namespace {

using nn::concat;

std::string stroke(std::string_view path, std::size_t series) {
  constexpr std::array dashes{"none", "8 3", "2.5 3", "9 3 2.5 3"};
  return concat("<path class=\"line\" stroke-dasharray=\"", dashes[series % dashes.size()],
                "\" d=\"", path, "\"/>\n");
}

// A circle, square, triangle, diamond or upside-down triangle of about the same area.
std::string marker(double x, double y, std::size_t series, const std::string& tooltip = "") {
  constexpr std::array shapes{"m-4.2,0a4.2,4.2 0 1 0 8.4,0a4.2,4.2 0 1 0 -8.4,0z",
                              "m-3.7,-3.7h7.4v7.4h-7.4z", "m0,-5.2l5,8.7h-10z",
                              "m0,-5.4l5,5.4l-5,5.4l-5,-5.4z", "m0,5.2l5,-8.7h-10z"};
  const std::string_view shape = shapes[series % shapes.size()];
  return element(concat("path class=\"mark\" d=\"M", at(x), ",", at(y), shape, "\""),
                 tooltip.empty() ? "" : element("title", escape_xml(tooltip))) +
         "\n";
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

std::vector<Cell> cells_of(const LinePlot& plot, const Axes& axes, int columns, int rows) {
  std::vector<Cell> cells(columns * rows);
  const auto at = [&](long x, long y) -> Cell& { return cells[y / 4 * columns + x / 2]; };
  const auto x_of = [&](double x) { return axes.x.fraction(x) * (2 * columns - 1); };
  const auto y_of = [&](double y) { return (1 - axes.y.fraction(y)) * (4 * rows - 4) + 1.5; };
  const std::size_t count = plot.series.size();
  std::size_t longest = 0;
  for (std::size_t s = 0; s < count; ++s) {
    const Series& series = plot.series[s];
    longest = std::max(longest, series.x.size());
    for (std::size_t i = 1; i < series.x.size(); ++i) {
      if (!series.has_point(i - 1) || !series.has_point(i)) continue;
      const double x = x_of(series.x[i - 1]), dx = x_of(series.x[i]) - x;
      const double y = y_of(series.y[i - 1]), dy = y_of(series.y[i]) - y;
      const int steps = 1 + static_cast<int>(std::max(std::abs(dx), std::abs(dy)));
      for (double step = 0; step <= steps; ++step) {
        constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
        const long column = std::lround(x + step / steps * dx);
        const long row = std::lround(y + step / steps * dy);
        at(column, row) = {at(column, row).dots | bits[row % 4][column % 2], s};
      }
    }
  }
  // Which series is drawn last changes from point to point: lines that coincide show all their
  // markers in turn.
  const std::size_t stride = 1 + longest / 25;
  for (std::size_t i = 0; i < longest; i += stride)
    for (std::size_t turn = 0; turn < count; ++turn) {
      const std::size_t s = (i / stride + turn) % count;
      const Series& series = plot.series[s];
      if (series.has_point(i))
        at(std::lround(x_of(series.x[i])), std::lround(y_of(series.y[i]))) = {0, s, true};
    }
  return cells;
}

// The x axis and its labels, for a canvas of so many columns; labels that would touch are left out.
std::string x_axis(const Axis& axis, int columns, int margin) {
  std::string labels(margin + columns + 1, ' ');
  std::vector<bool> has_tick(columns);
  int end = -1;
  for (const double tick : axis.ticks) {
    const int column = static_cast<int>(std::lround(axis.fraction(tick) * (2 * columns - 1))) / 2;
    has_tick[column] = true;
    const std::string label = axis.label(tick);
    const int length = static_cast<int>(label.size()), first = margin + 1;
    const int start = std::clamp(first + column - (length - 1) / 2, 0, first + columns - length);
    if (start <= end) continue;
    labels.replace(start, length, label);
    end = start + length;
  }
  std::string line = repeat(" ", margin) + "└";
  for (const bool is_tick : has_tick) line += is_tick ? "┬" : "─";
  return line + "\n" + without_trailing_spaces(labels) + "\n";
}

std::string legend(const LinePlot& plot, int width, bool colour) {
  std::string result;
  int longest = 0;
  for (const Series& series : plot.series) longest = std::max(longest, display_width(series.name));
  longest = std::min(longest, width - 4);
  const std::size_t columns = std::max(1, width / (longest + 6)), count = plot.series.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = shorten(plot.series[i].name, longest);
    const bool ends_line = (i + 1) % columns == 0 || i + 1 == count;
    result += concat("  ", Cell{0, i, true}.text(colour), " ",
                     ends_line ? name + "\n" : pad_right(name, longest + 2));
  }
  return result;
}

// In the middle of the canvas as long as there is room, never beyond its right end.
std::string centred(const std::string& text, int from, int columns) {
  const std::string line = shorten(text, from + columns);
  const int free = columns - display_width(line);
  return repeat(" ", from + (free > 0 ? free / 2 : free)) + line + "\n";
}

}  // namespace

std::string to_svg(const LinePlot& plot, Theme theme) {
  constexpr double height = 300;
  constexpr std::size_t most_markers = 40;  // of a line
  const Axes axes = axes_of(plot, 16, 7);
  std::size_t longest = 0;
  for (const double tick : axes.y.ticks) longest = std::max(longest, axes.y.label(tick).size());
  // A small margin keeps the first and last marker off the frame.
  Svg svg(plot.title, axes.x, 36 + longest * Svg::character, height, 14);
  const auto y_of = [&](double y) { return svg.bottom() - axes.y.fraction(y) * height; };
  for (const double tick : axes.y.ticks) {
    svg.line("grid", svg.left(), y_of(tick), Svg::right, y_of(tick));
    svg.text(svg.left() - 8, y_of(tick) + 4.5, "end", axes.y.label(tick));
  }
  svg.x_axis(plot.x_label);
  svg.add("<g transform=\"translate(16 ", at(Svg::top + height / 2), ") rotate(-90)\">\n");
  svg.text(0, 0, "middle", plot.y_label);
  svg.add("</g>\n");
  if (axes.is_empty)
    svg.text((svg.left() + Svg::right) / 2, Svg::top + height / 2, "middle", "no data");

  std::vector<Svg::Entry> entries;
  for (std::size_t number = 0; number < plot.series.size(); ++number) {
    const Series& series = plot.series[number];
    const std::string swatch = stroke("M0,0h40", number) + marker(20, 0, number);
    entries.push_back({series.name, coloured(number, swatch)});
    // Crowded markers would hide their line; of lines that coincide, each has its own points
    // marked.
    const std::size_t stride = (series.x.size() + most_markers - 1) / most_markers;
    const std::size_t first_marker = number * stride / plot.series.size();
    std::string path, marks;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!series.has_point(i)) continue;
      const double x = svg.x(series.x[i]), y = y_of(series.y[i]);
      path += concat(i > 0 && series.has_point(i - 1) ? "L" : "M", at(x), ",", at(y));
      if (i % stride == first_marker)
        marks += marker(x, y, number,
                        concat(series.name, "\n", plot.x_label, " ", axes.x.label(series.x[i]),
                               ": ", fixed(series.y[i], std::abs(series.y[i]) < 1 ? 4 : 2)));
    }
    svg.add(coloured(number, (path.empty() ? "" : stroke(path, number)) + marks));
  }
  svg.legend(entries);
  return svg.finish(theme);
}

std::string to_text(const LinePlot& plot, int width, bool colour) {
  const Axes axes = axes_of(plot, std::clamp(width / 5, 2, 16), 7);
  int margin = 0;
  for (const double tick : axes.y.ticks)
    margin = std::max(margin, 1 + display_width(axes.y.label(tick)));
  const int columns = std::max(10, width - margin - 1);
  const int intervals = static_cast<int>(axes.y.ticks.size()) - 1;
  const int rows_per_tick = std::max(1, 20 / intervals), rows = rows_per_tick * intervals + 1;
  const std::vector<Cell> cells = cells_of(plot, axes, columns, rows);

  std::string result = centred(plot.title, margin + 1, columns);
  if (!plot.y_label.empty()) result += shorten(plot.y_label, width) + "\n";
  for (int row = 0; row < rows; ++row) {
    const bool has_tick = row % rows_per_tick == 0;
    const double tick = axes.y.ticks[intervals - row / rows_per_tick];
    std::string line;
    for (int column = 0; column < columns; ++column)
      line += cells[row * columns + column].text(colour);
    result += pad_left(has_tick ? axes.y.label(tick) + " ┤" : "│", margin + 1) +
              without_trailing_spaces(line) + "\n";
  }
  result += x_axis(axes.x, columns, margin);
  if (!plot.x_label.empty()) result += centred(plot.x_label, margin + 1, columns);
  return result + (axes.is_empty ? "  no data\n" : "") + legend(plot, width, colour);
}

}  // namespace report
