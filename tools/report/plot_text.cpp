#include "tools/report/plot_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/base/error.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"

namespace report {
namespace {

constexpr std::array glyphs{"●", "■", "▲", "◆", "▼", "○", "□", "△", "◇", "▽"};
constexpr std::array terminal_colours{"32", "166", "36", "169", "136", "244"};

std::string painted(std::string_view what, std::size_t series, bool colour) {
  if (!colour) return std::string(what);
  return nn::concat("\x1b[38;5;", terminal_colours[series % terminal_colours.size()], "m", what,
                    "\x1b[0m");
}

std::string marker(std::size_t series, bool colour) {
  return painted(glyphs[series % glyphs.size()], series, colour);
}

// A grid of terminal cells, each two dots wide and four high, or one marker instead of the dots.
class Canvas {
 public:
  Canvas(const Axes& axes, int columns, int rows)
      : axes_(axes), columns_(columns), rows_(rows), cells_(columns * rows) {}

  void line(const Series& series, std::size_t from, std::size_t to, std::size_t number) {
    const auto [x1, y1] = dot_of(series, from);
    const auto [x2, y2] = dot_of(series, to);
    const int steps = 1 + static_cast<int>(std::max(std::abs(x2 - x1), std::abs(y2 - y1)));
    for (int i = 0; i <= steps; ++i) {
      constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
      const double part = static_cast<double>(i) / steps;
      const long x = std::lround(x1 + part * (x2 - x1)), y = std::lround(y1 + part * (y2 - y1));
      Cell& cell = cells_[y / 4 * columns_ + x / 2];
      cell.dots |= bits[y % 4][x % 2];
      cell.series = number;
    }
  }

  void marker(const Series& series, std::size_t i, std::size_t number) {
    const auto [x, y] = dot_of(series, i);
    cells_[std::lround(y) / 4 * columns_ + std::lround(x) / 2] = {0, number, true};
  }

  std::string row(int row, bool colour) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const auto [dots, series, has_marker] = cells_[row * columns_ + column];
      const std::string braille{'\xe2', static_cast<char>(0xa0 | dots >> 6),
                                static_cast<char>(0x80 | (dots & 0x3f))};
      text += has_marker  ? report::marker(series, colour)
              : dots == 0 ? " "
                          : painted(braille, series, colour);
    }
    return without_trailing_spaces(text);
  }

 private:
  struct Cell {
    unsigned dots = 0;  // the low byte of the code point U+2800 + dots
    std::size_t series = 0;
    bool has_marker = false;
  };

  std::pair<double, double> dot_of(const Series& series, std::size_t i) const {
    return {axes_.x.fraction(series.x[i]) * (2 * columns_ - 1),
            (1 - axes_.y.fraction(series.y[i])) * (4 * rows_ - 4) + 1.5};
  }

  const Axes& axes_;
  int columns_, rows_;
  std::vector<Cell> cells_;
};

void draw(const std::vector<Series>& all, Canvas& canvas) {
  std::size_t longest = 0;
  for (std::size_t s = 0; s < all.size(); ++s) {
    longest = std::max(longest, all[s].x.size());
    for (std::size_t i = 1; i < all[s].x.size(); ++i)
      if (all[s].has_point(i - 1) && all[s].has_point(i)) canvas.line(all[s], i - 1, i, s);
  }
  // Which series is drawn last changes from point to point: lines that coincide show all their
  // markers in turn.
  const std::size_t stride = 1 + longest / 25;
  for (std::size_t i = 0; i < longest; i += stride)
    for (std::size_t turn = 0; turn < all.size(); ++turn) {
      const std::size_t s = (i / stride + turn) % all.size();
      if (all[s].has_point(i)) canvas.marker(all[s], i, s);
    }
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
    const int length = static_cast<int>(label.size());
    const int start =
        std::clamp(margin + 1 + column - (length - 1) / 2, 0, margin + 1 + columns - length);
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
    const bool ends_line = (i + 1) % columns == 0 || i + 1 == count;
    const std::string name = shorten(plot.series[i].name, longest);
    result += "  " + marker(i, colour) + " ";
    result += ends_line ? name + "\n" : pad_right(name, longest + 2);
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

std::string to_text(const LinePlot& plot, int width, bool colour) {
  const Axes axes = axes_of(plot, std::clamp(width / 5, 2, 16), 7);
  int margin = 0;
  for (const double tick : axes.y.ticks)
    margin = std::max(margin, 1 + display_width(axes.y.label(tick)));
  const int columns = std::max(10, width - margin - 1);
  const int intervals = static_cast<int>(axes.y.ticks.size()) - 1;
  const int rows_per_tick = std::max(1, 20 / intervals), last_row = rows_per_tick * intervals;
  Canvas canvas(axes, columns, last_row + 1);
  draw(plot.series, canvas);

  std::string result = centred(plot.title, margin + 1, columns);
  if (!plot.y_label.empty()) result += shorten(plot.y_label, width) + "\n";
  for (int row = 0; row <= last_row; ++row) {
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
