#include "tools/report/timeline.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "nn/base/error.h"
#include "tools/report/markup.h"
#include "tools/report/svg.h"

namespace report {
namespace {

using nn::concat;

constexpr double bar_height = 24, thin_height = 5, lane_gap = 10;

// The largest number that both are a multiple of, but for rounding.
double common_unit(double a, double b, double rounding) {
  return b > rounding ? common_unit(b, std::abs(std::remainder(a, b)), rounding) : a;
}

char glyph_of(const Bar& bar, Glyphs glyphs) {
  if (glyphs == Glyphs::labels) return bar.label.empty() ? ' ' : bar.label.back();
  return static_cast<char>(bar.chunk == 0 ? bar.kind.letter : std::tolower(bar.kind.letter));
}

// What takes most of the time from start to end; of two that take the same, the first kind.
char glyph_at(const Lane& lane, double start, double end, Glyphs glyphs) {
  std::map<std::pair<int, char>, double> times;
  double unused = end - start, most = 0;
  for (const Bar& bar : lane.bars) {
    const double time = std::min(bar.end, end) - std::max(bar.start, start);
    if (bar.kind.letter == '.' || time <= 0) continue;
    times[{bar.kind.colour, glyph_of(bar, glyphs)}] += time;
    unused -= time;
  }
  char best = '.';
  for (const auto& [key, time] : times)
    if (time > most * (1 + 1e-9)) best = key.second, most = time;
  return unused > most * (1 + 1e-9) ? '.' : best;
}

std::string rect(const BarKind& kind, double x, double y, double width, double height,
                 const std::string& attributes = "", const std::string& content = "") {
  const std::string_view fill = fills[kind.colour % fills.size()];
  return concat("<rect class=\"", kind.name, "\" x=\"", at(x), "\" y=\"", at(y), "\" width=\"",
                at(width), "\" height=\"", height, "\" fill=\"", fill, "\"",
                fill == "none" ? " stroke-dasharray=\"3 2\"" : "", attributes, ">", content,
                "</rect>\n");
}

void draw(const Bar& bar, double y, const Axis& time, std::string_view unit, Svg& svg) {
  const auto& [start, end, kind, label, chunk] = bar;
  const double x = svg.x(start), extent = svg.x(end) - x;
  const int decimals = time.decimals() + (time.decimals() > 0 ? 2 : 0);
  const std::string tooltip =
      concat(kind.name, label.empty() ? "" : " ", label, chunk > 0 ? concat(", chunk ", chunk) : "",
             ": ", fixed(start, decimals), " to ", fixed(end, decimals), " ", unit);
  svg.add(rect(kind, x, kind.is_thin ? y + bar_height + 2 : y, std::max(extent, 0.3),
               kind.is_thin ? thin_height : bar_height,
               chunk > 0 ? concat(" fill-opacity=\"", fixed(0.9 / (1 + chunk), 2), "\"") : "",
               element("title", escape_xml(tooltip))));
  if (!kind.is_thin && !label.empty() && extent >= label.size() * 6.9 + 2.5)
    svg.text(x + extent / 2, y + bar_height / 2 + 4, "middle", label,
             chunk > 0 || kind.letter == '.' ? "strong" : "label");
}

}  // namespace

std::vector<std::string> to_text(const std::vector<Lane>& lanes, Glyphs glyphs, int columns,
                                 double length) {
  nn::require(columns >= 1 && length >= 0, "timeline: ", columns, " columns for ", length);
  std::vector<double> times{0};
  for (const Lane& lane : lanes)
    for (const Bar& bar : lane.bars) times.insert(times.end(), {bar.start, bar.end});
  if (length == 0) length = std::ranges::max(times);
  double column = length;
  for (const double time : times) column = common_unit(column, time, 1e-6 * length);
  const double units = length > 0 ? length / column : 0;
  if (units < columns + 0.5)
    columns = static_cast<int>(std::lround(units));
  else
    column = length / columns;

  std::vector<std::string> lines;
  for (const Lane& lane : lanes) {
    std::string& line = lines.emplace_back();
    for (int i = 0; i < columns; ++i) line += glyph_at(lane, i * column, (i + 1) * column, glyphs);
    line.erase(line.find_last_not_of('.') + 1);
  }
  return lines;
}

std::string to_svg(const std::vector<Lane>& lanes, const std::string& title,
                   std::string_view unit) {
  std::map<int, BarKind> kinds;
  std::size_t longest = 0;
  std::vector<double> ends{0};
  for (const Lane& lane : lanes) {
    longest = std::max(longest, lane.name.size());
    for (const Bar& bar : lane.bars) {
      nn::require(0 <= bar.start && bar.start <= bar.end && std::isfinite(bar.end),
                  "timeline: ", lane.name, " has a bar from ", bar.start, " to ", bar.end);
      kinds.emplace(bar.kind.colour, bar.kind);
      ends.push_back(bar.end);
    }
  }
  std::vector<Svg::Entry> legend;
  double lane_height = bar_height + lane_gap;
  for (const auto& [colour, kind] : kinds) {
    const double height = kind.is_thin ? thin_height : 12;
    legend.push_back({std::string(kind.name), rect(kind, 0, -height / 2, 40, height)});
    if (kind.is_thin) lane_height = bar_height + 2 + thin_height + lane_gap;
  }

  if (std::ranges::max(ends) == 0) ends.push_back(1);
  const Axis time = axis_of(ends, 13, false);
  Svg svg(title, time, 28 + longest * Svg::character, lanes.size() * lane_height);
  svg.x_axis(unit);
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const double y = Svg::top + i * lane_height;
    svg.text(svg.left - 14, y + bar_height / 2 + 4, "end", lanes[i].name);
    for (const Bar& bar : lanes[i].bars) draw(bar, y, time, unit, svg);
  }
  return svg.finish(Theme::automatic, legend);
}

}  // namespace report
