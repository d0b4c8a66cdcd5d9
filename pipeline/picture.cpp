#include "pipeline/picture.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <functional>
#include <map>

#include "nn/base/error.h"

namespace pipeline {
namespace {

constexpr std::array<std::string_view, 8> names{"forward", "backward", "weights", "update",
                                                "reduce",  "send",     "receive", "wait"};
constexpr std::string_view letters = "FBWUR";  // of the kinds that a text shows
constexpr char idle = '.';

bool is_shown(const Bar& bar) { return static_cast<std::size_t>(bar.kind) < letters.size(); }

struct Grid {
  int columns;
  double column;  // the time of one
};

// The largest number that both are a multiple of, but for rounding.
double common_unit(double a, double b, double rounding) {
  while (b > rounding) {
    const double rest = std::abs(std::remainder(a, b));
    a = b;
    b = rest;
  }
  return a;
}

Grid grid_of(const std::vector<Row>& rows, int columns, double length) {
  nn::require(columns >= 1 && length >= 0, "picture: ", columns, " columns for ", length);
  if (length == 0)
    for (const Row& row : rows)
      for (const Bar& bar : row.bars) length = std::max(length, bar.end);
  double unit = length;
  for (const Row& row : rows)
    for (const Bar& bar : row.bars)
      for (const double time : {bar.start, bar.end}) unit = common_unit(unit, time, 1e-6 * length);
  const double units = length > 0 ? length / unit : 0;
  if (units < columns + 0.5) return {static_cast<int>(std::lround(units)), unit};
  return {columns, length / columns};
}

// What takes most of a column; of two that take the same, the first kind.
char glyph_at(const Row& row, double start, double end,
              const std::function<char(const Bar&)>& glyph) {
  std::map<std::pair<Kind, char>, double> times;
  double unused = end - start;
  for (const Bar& bar : row.bars) {
    const double time = std::min(bar.end, end) - std::max(bar.start, start);
    if (!is_shown(bar) || time <= 0) continue;
    times[{bar.kind, glyph(bar)}] += time;
    unused -= time;
  }
  char best = idle;
  double most = 0;
  for (const auto& [key, time] : times)
    if (time > most * (1 + 1e-9)) best = key.second, most = time;
  return unused > most * (1 + 1e-9) ? idle : best;
}

std::vector<std::string> draw(const std::vector<Row>& rows, const Grid& grid,
                              const std::function<char(const Bar&)>& glyph) {
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string& line = lines.emplace_back();
    for (int i = 0; i < grid.columns; ++i)
      line += glyph_at(row, i * grid.column, (i + 1) * grid.column, glyph);
    line.erase(line.find_last_not_of(idle) + 1);
  }
  return lines;
}

}  // namespace

std::string_view name_of(Kind kind) { return names.at(static_cast<std::size_t>(kind)); }

Kind kind_of(Work work) {
  return work == Work::forward    ? Kind::forward
         : work == Work::backward ? Kind::backward
                                  : Kind::weights;
}

std::vector<Row> rows_of(const Timeline& timeline) {
  std::vector<Row> rows;
  for (const auto& intervals : timeline.stages) {
    Row& row = rows.emplace_back(Row{nn::concat("stage ", rows.size()), {}});
    for (const auto& [action, start, end] : intervals)
      row.bars.push_back(
          {start, end, kind_of(action.work), std::to_string(action.microbatch), action.chunk});
  }
  return rows;
}

std::vector<std::string> draw_letters(const std::vector<Row>& rows, int columns, double length) {
  return draw(rows, grid_of(rows, columns, length), [](const Bar& bar) {
    const char letter = letters[static_cast<std::size_t>(bar.kind)];
    return bar.chunk == 0 ? letter : static_cast<char>(std::tolower(letter));
  });
}

std::vector<std::string> draw_labels(const std::vector<Row>& rows, int columns, double length) {
  return draw(rows, grid_of(rows, columns, length),
              [](const Bar& bar) { return bar.label.empty() ? ' ' : bar.label.back(); });
}

}  // namespace pipeline
