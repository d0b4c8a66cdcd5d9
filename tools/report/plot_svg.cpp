#include "tools/report/plot_svg.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/report/markup.h"
#include "tools/report/style.h"

namespace report {
namespace {

using nn::concat;

constexpr double height = 300;
constexpr std::size_t most_markers = 40;  // of a line
constexpr std::array dashes{"none", "8 3", "2.5 3", "9 3 2.5 3"};

std::string stroke(std::string_view path, std::size_t series) {
  return concat("<path class=\"line\" stroke-dasharray=\"", dashes[series % dashes.size()],
                "\" d=\"", path, "\"/>\n");
}

// A circle, square, triangle, diamond or upside-down triangle of about the same area.
std::string marker(double x, double y, std::size_t series, const std::string& tooltip = "") {
  constexpr std::array shapes{"m-4.2,0a4.2,4.2 0 1 0 8.4,0a4.2,4.2 0 1 0 -8.4,0z",
                              "m-3.7,-3.7h7.4v7.4h-7.4z", "m0,-5.2l5,8.7h-10z",
                              "m0,-5.4l5,5.4l-5,5.4l-5,-5.4z", "m0,5.2l5,-8.7h-10z"};
  return concat("<path class=\"mark\" d=\"M", at(x), ",", at(y), shapes[series % shapes.size()],
                "\">", tooltip.empty() ? "" : "<title>" + escape_xml(tooltip) + "</title>",
                "</path>\n");
}

std::string coloured(std::size_t series, const std::string& what) {
  return concat("<g class=\"c", series % light.lines.size(), "\">\n", what, "</g>\n");
}

}  // namespace

std::string to_svg(const LinePlot& plot, Theme theme) {
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

  std::vector<Svg::Entry> legend;
  for (std::size_t number = 0; number < plot.series.size(); ++number) {
    const Series& series = plot.series[number];
    legend.push_back(
        {series.name, coloured(number, stroke("M0,0h40", number) + marker(20, 0, number))});
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
  svg.legend(legend);
  return svg.finish(theme);
}

}  // namespace report
