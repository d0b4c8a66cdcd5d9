#include "tools/report/document.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/base/error.h"
#include "tests/complaint.h"
#include "tests/tools/report_text.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"

namespace report {

TEST_CASE("an axis has round ticks that enclose the y values and integer ticks for rounds") {
  const Axes axes = axes_of(example_plot());
  CHECK(axes.y.low == 0);
  CHECK(axes.y.high == 100);
  CHECK(axes.y.ticks == std::vector<double>{0, 20, 40, 60, 80, 100});
  CHECK(axes.x.low == 1);
  CHECK(axes.x.ticks == std::vector<double>{1, 2, 3});
  CHECK(axes.x.label(2) == "2");
}

TEST_CASE("ticks of small, constant, huge and missing values are finite, few and distinct") {
  const double nan = std::nan(""), infinity = INFINITY;
  const std::vector<std::vector<double>> cases{{0.101, 0.105}, {42, 42},        {0, 0},
                                               {-1e6, 3e6},    {1e200, -1e200}, {nan, infinity},
                                               {1e-9, 2e-9},   {99.98, 99.99},  {}};
  for (const auto& values : cases) {
    std::vector<double> x(values.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    const Axis y = axes_of(plot_of({{"s", x, values}})).y;
    CAPTURE(y.low);
    CHECK(y.low < y.high);
    CHECK(y.ticks.size() >= 2);
    CHECK(y.ticks.size() <= 7);
    for (std::size_t i = 1; i < y.ticks.size(); ++i)
      CHECK(y.label(y.ticks[i - 1]) != y.label(y.ticks[i]));
    for (const double value : values) {
      if (std::isfinite(value)) CHECK((y.low <= value && value <= y.high));
    }
  }
  const Axis small = axes_of(plot_of({{"s", {1, 2}, {0.101, 0.105}}})).y;
  CHECK(small.label(small.ticks[0]) == "0.101");
  const Axis narrow = axes_of(plot_of({{"s", {1, 2}, {2.30258, 2.30259}}})).y;
  CHECK(narrow.label(narrow.ticks[0]) != narrow.label(narrow.ticks[1]));
}

TEST_CASE("a series with more x than y is refused") {
  CHECK_THROWS_WITH_AS(to_svg(plot_of({{"odd", {1, 2}, {1}}})), "plot: series odd has 2 x and 1 y",
                       nn::Error);
}

TEST_CASE("an SVG plot is well-formed, escaped and names every series") {
  LinePlot plot = example_plot();
  plot.title = "a < b & \"c\"";
  for (const Theme theme : {Theme::automatic, Theme::light}) {
    const std::string svg = to_svg(plot, theme);
    check_well_formed(svg);
    CHECK(contains(svg, "a &lt; b &amp; &quot;c&quot;"));
    CHECK(contains(svg, ">FedSGD</text>"));
    CHECK(contains(svg, ">100</text>"));
    CHECK(count(svg, "class=\"mark\"") == 6 + 2);  // the points and the legend
    CHECK(contains(svg, "prefers-color-scheme:dark") == (theme == Theme::automatic));
    CHECK(svg == to_svg(plot, theme));
  }
}

TEST_CASE("a line of thousands of points has few markers, away from those of other lines") {
  for (const std::size_t size : {40, 41, 300, 5000}) {
    CAPTURE(size);
    std::vector<double> x(size), y(size);
    for (std::size_t i = 0; i < size; ++i) x[i] = 1000.0 + i, y[i] = 10.4 - 7.0 * i / size;
    const std::string svg = to_svg(plot_of({{"a", x, y}, {"b", x, y}}));
    check_well_formed(svg);
    CHECK(count(svg, "L") == 2 * (size - 1));  // no point of the lines is lost
    const std::size_t marks = count(svg, "<title>");
    CHECK(marks >= 40);
    CHECK(marks <= 80);
    CHECK(contains(svg, "a\nRound 1000:"));
    CHECK(contains(svg, "b\nRound 1000:") == (size == 40));
  }
}

TEST_CASE("a NaN breaks the line of a plot") {
  const std::string svg = to_svg(plot_of({{"s", {1, 2, 3, 4, 5}, {1, 2, std::nan(""), 4, 5}}}));
  const std::size_t line = svg.find(" d=\"M");
  const std::string path = svg.substr(line, svg.find("/>", line) - line);
  CHECK(count(path, "M") == 2);
  CHECK(count(path, "L") == 2);
  CHECK(!contains(svg, "nan"));
}

TEST_CASE("plots without points, with one point and with a constant can be drawn") {
  const double nan = std::nan("");
  for (const LinePlot& plot :
       {plot_of({}), plot_of({{"empty", {}, {}}}), plot_of({{"nan", {1}, {nan}}})}) {
    check_well_formed(to_svg(plot));
    CHECK(contains(to_svg(plot), "no data"));
    CHECK(contains(to_text(plot), "no data"));
  }
  for (const LinePlot& plot :
       {plot_of({{"one", {5}, {42}}}), plot_of({{"flat", {1, 2}, {0, 0}}})}) {
    check_well_formed(to_svg(plot));
    CHECK(!contains(to_svg(plot), "nan"));
    CHECK(!contains(to_svg(plot), "no data"));
    CHECK(contains(to_text(plot), "●"));
  }
}

TEST_CASE("a terminal plot fits its width and tells series apart without colour") {
  const std::string text = to_text(example_plot());
  LinePlot wordy = example_plot();
  wordy.title = wordy.x_label = wordy.y_label = wordy.series[0].name = std::string(200, 'w');
  for (const std::string& line : lines_of(text + to_text(wordy)))
    CHECK(display_width(line) <= screen_width);
  CHECK(count(text, "●") == 3 + 1);
  CHECK(count(text, "■") == 3 + 1);
  CHECK(!contains(text, "\x1b"));
  CHECK(contains(to_text(example_plot(), true), "\x1b["));
}

TEST_CASE("series that coincide in a terminal plot show their markers in turn") {
  const std::vector<double> x{1, 2, 3, 4};
  const std::string text = to_text(plot_of({{"a", x, x}, {"b", x, x}}));
  CHECK(count(text, "●") == 2 + 1);
  CHECK(count(text, "■") == 2 + 1);
}

}  // namespace report
