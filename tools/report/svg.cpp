#include "tools/report/svg.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/base/error.h"
#include "tools/report/axis.h"
#include "tools/report/markup.h"
#include "tools/report/utf8.h"

namespace report {
namespace {

using nn::concat;

constexpr double width = 720, plot_height = 300, top = 46, right = 18, character = 7.6;
constexpr double legend_row = 24, swatch = 40;
constexpr std::size_t most_markers = 40;  // of a line

// Okabe and Ito's colours (2008) without the two that vanish on white and the black that vanishes
// on black, then a mustard and a grey. Each has a contrast of 3 on white and on a dark page; the
// second column is brighter, for readers of dark pages.
constexpr std::array<std::array<const char*, 2>, 6> colours{{{"#0072b2", "#56b4e9"},
                                                             {"#d55e00", "#f28e4b"},
                                                             {"#009e73", "#2dc79c"},
                                                             {"#c0679a", "#e3a1c6"},
                                                             {"#8f7110", "#d9b945"},
                                                             {"#6b7480", "#a5aeb8"}}};
constexpr std::array dashes{"none", "8 3", "2.5 3", "9 3 2.5 3"};

std::string at(double value) { return fixed(value, 1); }

std::string palette(const char* text, const char* strong, const char* grid, int column) {
  std::string css = concat(".plot text{fill:", text, "}.plot .strong{fill:", strong,
                           "}.plot .grid{stroke:", grid, "}.plot .axis{stroke:", text, "}");
  for (std::size_t i = 0; i < colours.size(); ++i) {
    css += concat(".plot .c", i, "{color:", colours[i][column], "}");
  }
  return css;
}

std::string style(Theme theme) {
  std::string css =
      ".plot{font:13px system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}"
      ".plot .title{font-size:15px;font-weight:600}.plot .line{fill:none;stroke:currentColor;"
      "stroke-width:2;stroke-linejoin:round}.plot .mark{fill:currentColor}";
  const std::string light = palette("#4b5563", "#1f2328", "#e3e6ea", 0);
  if (theme == Theme::light) return css + ".plot .paper{fill:#fff}" + light;
  return css + palette("#767d86", "#767d86", "#9aa0a855", 0) +  // readers without media queries
         "@media (prefers-color-scheme:light){" + light + "}@media (prefers-color-scheme:dark){" +
         palette("#a9b1bb", "#e6e9ed", "#343b44", 1) + "}";
}

std::string text(double x, double y, const char* anchor, std::string_view what,
                 std::string_view attributes = "") {
  return concat("<text x=\"", at(x), "\" y=\"", at(y), "\" text-anchor=\"", anchor, "\"",
                attributes, ">", escape_xml(what), "</text>\n");
}

std::string line(const char* kind, double x1, double y1, double x2, double y2) {
  return concat("<line class=\"", kind, "\" x1=\"", at(x1), "\" y1=\"", at(y1), "\" x2=\"", at(x2),
                "\" y2=\"", at(y2), "\"/>\n");
}

std::string stroke(std::string_view path, std::size_t series) {
  return concat("<path class=\"line\" stroke-dasharray=\"", dashes[series % dashes.size()],
                "\" d=\"", path, "\"/>\n");
}

// A circle, square, triangle, diamond or upside-down triangle of about the same area.
std::string marker(double x, double y, std::size_t series, std::string_view tooltip = "") {
  constexpr std::array shapes{"m-4.2,0a4.2,4.2 0 1 0 8.4,0a4.2,4.2 0 1 0 -8.4,0z",
                              "m-3.7,-3.7h7.4v7.4h-7.4z", "m0,-5.2l5,8.7h-10z",
                              "m0,-5.4l5,5.4l-5,5.4l-5,-5.4z", "m0,5.2l5,-8.7h-10z"};
  const std::string title = tooltip.empty() ? "" : "<title>" + escape_xml(tooltip) + "</title>";
  return concat("<path class=\"mark\" d=\"M", at(x), ",", at(y), shapes[series % shapes.size()],
                "\">", title, "</path>\n");
}

struct Frame {
  Axes axes;
  double left, bottom;

  // A small margin keeps the first and last marker off the frame.
  double x(double value) const {
    return left + 14 + axes.x.fraction(value) * (width - right - left - 28);
  }
  double y(double value) const { return bottom - axes.y.fraction(value) * plot_height; }
};

std::string draw_axes(const LinePlot& plot, const Frame& frame) {
  std::string svg;
  for (const double tick : frame.axes.y.ticks) {
    svg += line("grid", frame.left, frame.y(tick), width - right, frame.y(tick));
    svg += text(frame.left - 8, frame.y(tick) + 4.5, "end", frame.axes.y.label(tick));
  }
  for (const double tick : frame.axes.x.ticks) {
    svg += line("grid", frame.x(tick), top, frame.x(tick), frame.bottom);
    svg += text(frame.x(tick), frame.bottom + 20, "middle", frame.axes.x.label(tick));
  }
  svg += line("axis", frame.left, frame.bottom, width - right, frame.bottom);
  svg += text((frame.left + width - right) / 2, frame.bottom + 43, "middle", plot.x_label);
  svg +=
      text(0, 0, "middle", plot.y_label,
           concat(" transform=\"translate(16 ", at((top + frame.bottom) / 2), ") rotate(-90)\""));
  return svg;
}

std::string draw_series(const LinePlot& plot, const Frame& frame, std::size_t number) {
  const Series& series = plot.series[number];
  // Crowded markers would hide their line; of lines that coincide, each has its own points marked.
  const std::size_t stride = (series.x.size() + most_markers - 1) / most_markers;
  const std::size_t first_marker = number * stride / plot.series.size();
  std::string path, marks;
  bool continues = false;
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    const double x = series.x[i], y = series.y[i];
    if (!is_drawable(x) || !is_drawable(y)) {
      continues = false;
      continue;
    }
    path += concat(continues ? "L" : "M", at(frame.x(x)), ",", at(frame.y(y)));
    continues = true;
    if (i % stride != first_marker) continue;
    const int decimals = std::abs(y) < 1 ? 4 : 2;
    marks += marker(frame.x(x), frame.y(y), number,
                    concat(series.name, "\n", plot.x_label, " ", frame.axes.x.label(x), ": ",
                           fixed(y, decimals)));
  }
  return concat("<g class=\"c", number % colours.size(), "\">\n",
                path.empty() ? "" : stroke(path, number), marks, "</g>\n");
}

struct Legend {
  std::size_t columns = 1, rows = 0;
  double column_width = 0;
};

Legend arrange(const LinePlot& plot, double space) {
  int longest = 0;
  for (const Series& series : plot.series) longest = std::max(longest, display_width(series.name));
  const std::size_t count = plot.series.size();
  Legend legend{1, count, swatch + 30 + longest * character};
  legend.columns =
      std::clamp<std::size_t>(space / legend.column_width, 1, std::max<std::size_t>(count, 1));
  legend.rows = (count + legend.columns - 1) / legend.columns;
  if (legend.rows > 0) legend.columns = (count + legend.rows - 1) / legend.rows;
  return legend;
}

std::string draw_legend(const LinePlot& plot, const Legend& legend, double left, double y) {
  std::string svg;
  const double start = left + (width - right - left - legend.columns * legend.column_width) / 2;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    const double x = std::max(left, start) + i / legend.rows * legend.column_width;
    const double middle = y + i % legend.rows * legend_row;
    svg += concat("<g class=\"c", i % colours.size(), "\">\n",
                  stroke(concat("M", at(x), ",", at(middle), "h", swatch), i),
                  marker(x + swatch / 2, middle, i), "</g>\n",
                  text(x + swatch + 8, middle + 4.5, "start", plot.series[i].name));
  }
  return svg;
}

}  // namespace

std::string to_svg(const LinePlot& plot, Theme theme) {
  Frame frame{axes_of(plot, 16, 7), 0, top + plot_height};
  std::size_t longest = 0;
  for (const double tick : frame.axes.y.ticks) {
    longest = std::max(longest, frame.axes.y.label(tick).size());
  }
  frame.left = 36 + longest * character;

  const Legend legend = arrange(plot, width - right - frame.left);
  const double height = frame.bottom + 56 + legend.rows * legend_row;
  std::string svg = concat("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" width=\"",
                           width, "\" height=\"", height, "\" viewBox=\"0 0 ", width, " ", height,
                           "\" role=\"img\" aria-label=\"", escape_xml(plot.title), "\">\n<style>",
                           style(theme), "</style>\n");
  if (theme == Theme::light) {
    svg +=
        concat("<rect class=\"paper\" width=\"", width, "\" height=\"", height, "\" rx=\"6\"/>\n");
  }
  svg +=
      text((frame.left + width - right) / 2, 26, "middle", plot.title, " class=\"title strong\"");
  svg += draw_axes(plot, frame);
  if (frame.axes.is_empty) {
    svg += text((frame.left + width - right) / 2, top + plot_height / 2, "middle", "no data");
  }
  for (std::size_t i = 0; i < plot.series.size(); ++i) svg += draw_series(plot, frame, i);
  return svg + draw_legend(plot, legend, frame.left, frame.bottom + 70) + "</svg>\n";
}

}  // namespace report
