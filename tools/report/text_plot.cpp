#include <algorithm>
#include <array>
#include <cmath>

#include "nn/base/error.h"
#include "tools/report/axis.h"
#include "tools/report/text.h"
#include "tools/report/utf8.h"

namespace report {
namespace {

constexpr std::array glyphs{"●", "■", "▲", "◆", "▼", "○", "□", "△", "◇", "▽"};
constexpr std::array terminal_colours{"32", "166", "36", "169", "136", "244"};

std::string painted(std::string_view what, std::size_t series, bool colour) {
  if (!colour) return std::string(what);
  return nn::concat("\x1b[38;5;", terminal_colours[series % terminal_colours.size()], "m", what,
                    "\x1b[0m");
}

// A grid of terminal cells, each two dots wide and four high, or one marker instead of the dots.
class Canvas {
 public:
  Canvas(int columns, int rows) : columns_(columns), rows_(rows), cells_(columns * rows) {}

  int dot_columns() const { return 2 * columns_; }
  int dot_rows() const { return 4 * rows_; }

  void line(double x1, double y1, double x2, double y2, std::size_t series) {
    const int steps = 1 + static_cast<int>(std::max(std::abs(x2 - x1), std::abs(y2 - y1)));
    for (int i = 0; i <= steps; ++i) {
      const double part = static_cast<double>(i) / steps;
      dot(std::lround(x1 + part * (x2 - x1)), std::lround(y1 + part * (y2 - y1)), series);
    }
  }

  void marker(double x, double y, std::size_t series) {
    Cell& cell = cells_[std::lround(y) / 4 * columns_ + std::lround(x) / 2];
    cell.series = series;
    cell.has_marker = true;
  }

  std::string row(int row, bool colour) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const Cell& cell = cells_[row * columns_ + column];
      if (cell.has_marker) {
        text += painted(glyphs[cell.series % glyphs.size()], cell.series, colour);
      } else if (cell.dots != 0) {
        const char braille[] = {'\xe2', static_cast<char>(0xa0 | cell.dots >> 6),
                                static_cast<char>(0x80 | (cell.dots & 0x3f)), '\0'};
        text += painted(braille, cell.series, colour);
      } else {
        text += ' ';
      }
    }
    return text.substr(0, text.find_last_not_of(' ') + 1);
  }

 private:
  struct Cell {
    unsigned dots = 0;  // the low byte of the code point U+2800 + dots
    std::size_t series = 0;
    bool has_marker = false;
  };

  void dot(long x, long y, std::size_t series) {
    constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    Cell& cell = cells_[y / 4 * columns_ + x / 2];
    cell.dots |= bits[y % 4][x % 2];
    cell.series = series;
  }

  int columns_, rows_;
  std::vector<Cell> cells_;
};

void draw(const LinePlot& plot, const Axes& axes, Canvas& canvas) {
  const auto x_of = [&](double x) { return axes.x.fraction(x) * (canvas.dot_columns() - 1); };
  const auto y_of = [&](double y) {
    return (1 - axes.y.fraction(y)) * (canvas.dot_rows() - 4) + 1.5;
  };
  const auto is_point = [](const Series& series, std::size_t i) {
    return i < series.x.size() && is_drawable(series.x[i]) && is_drawable(series.y[i]);
  };
  std::size_t longest = 0;
  for (std::size_t s = 0; s < plot.series.size(); ++s) {
    const Series& series = plot.series[s];
    longest = std::max(longest, series.x.size());
    for (std::size_t i = 1; i < series.x.size(); ++i) {
      if (!is_point(series, i - 1) || !is_point(series, i)) continue;
      canvas.line(x_of(series.x[i - 1]), y_of(series.y[i - 1]), x_of(series.x[i]),
                  y_of(series.y[i]), s);
    }
  }
  // Which series is drawn last changes from point to point: lines that coincide show all their
  // markers in turn.
  const std::size_t count = plot.series.size(), stride = 1 + longest / 25;
  for (std::size_t i = 0; i < longest; i += stride) {
    for (std::size_t turn = 0; turn < count; ++turn) {
      const std::size_t s = (i / stride + turn) % count;
      const Series& series = plot.series[s];
      if (is_point(series, i)) canvas.marker(x_of(series.x[i]), y_of(series.y[i]), s);
    }
  }
}

// The x axis and its labels, for a canvas of so many columns; labels that would touch are left out.
std::string x_axis(const Axis& axis, int columns, int margin) {
  std::string labels(margin + columns + 1, ' ');
  std::vector<bool> has_tick(columns);
  int end = -1;
  for (const double tick : axis.ticks) {
    const int column = static_cast<int>(std::lround(axis.fraction(tick) * (2 * columns - 1))) / 2;
    const std::string label = axis.label(tick);
    const int length = static_cast<int>(label.size());
    const int start =
        std::clamp(margin + 1 + column - (length - 1) / 2, 0, margin + 1 + columns - length);
    has_tick[column] = true;
    if (start <= end) continue;
    labels.replace(start, length, label);
    end = start + length;
  }
  std::string line = std::string(margin, ' ') + "└";
  for (const bool is_tick : has_tick) line += is_tick ? "┬" : "─";
  return line + "\n" + labels.substr(0, labels.find_last_not_of(' ') + 1) + "\n";
}

std::string legend(const LinePlot& plot, int width, bool colour) {
  std::string result, line;
  int longest = 0;
  for (const Series& series : plot.series) longest = std::max(longest, display_width(series.name));
  longest = std::min(longest, width - 4);
  const std::size_t columns = std::max(1, width / (longest + 6));
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const bool ends_line = (i + 1) % columns == 0 || i + 1 == plot.series.size();
    const std::string name = shorten(plot.series[i].name, longest);
    result += "  " + painted(glyphs[i % glyphs.size()], i, colour) + " ";
    result += ends_line ? name + "\n" : pad_right(name, longest + 2);
  }
  return result;
}

// In the middle of the canvas as long as there is room, never beyond its right end.
std::string centred(const std::string& text, int from, int columns) {
  const std::string line = shorten(text, from + columns);
  const int free = columns - display_width(line);
  return std::string(from + (free > 0 ? free / 2 : free), ' ') + line + "\n";
}

}  // namespace

std::string to_text(const LinePlot& plot, int width, bool colour) {
  const Axes axes = axes_of(plot, std::clamp(width / 5, 2, 16), 7);
  int margin = 0;
  for (const double tick : axes.y.ticks) {
    margin = std::max(margin, 1 + display_width(axes.y.label(tick)));
  }
  const int columns = std::max(10, width - margin - 1);
  const int intervals = static_cast<int>(axes.y.ticks.size()) - 1;
  const int rows_per_tick = std::max(1, 20 / intervals);
  Canvas canvas(columns, rows_per_tick * intervals + 1);
  draw(plot, axes, canvas);

  std::string result = centred(plot.title, margin + 1, columns);
  if (!plot.y_label.empty()) result += shorten(plot.y_label, width) + "\n";
  for (int row = 0; row <= rows_per_tick * intervals; ++row) {
    const bool has_tick = row % rows_per_tick == 0;
    const double tick = axes.y.ticks[intervals - row / rows_per_tick];
    result += pad_left(has_tick ? axes.y.label(tick) + " " : "", margin) + (has_tick ? "┤" : "│");
    result += canvas.row(row, colour) + "\n";
  }
  result += x_axis(axes.x, columns, margin);
  if (!plot.x_label.empty()) result += centred(plot.x_label, margin + 1, columns);
  return result + (axes.is_empty ? "  no data\n" : "") + legend(plot, width, colour);
}

}  // namespace report
