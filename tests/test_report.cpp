#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "nn/base/error.h"
#include "nn/base/json.h"
#include "tests/complaint.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"
#include "tools/report/html.h"
#include "tools/report/markup.h"
#include "tools/report/notebook.h"
#include "tools/report/plot.h"
#include "tools/report/progress.h"
#include "tools/report/text.h"

using namespace report;

namespace {

LinePlot plot_of(std::vector<Series> series) {
  return {"plot1", "Accuracy", "Round", "Test accuracy (%)", std::move(series)};
}

LinePlot example_plot() {
  return plot_of({{"FedSGD", {1, 2, 3}, {8.8, 13.5, 18.2}}, {"FedAvg", {1, 2, 3}, {30.3, 48, 93}}});
}

Table example_table() {
  return {"Results", {"Algorithm", "B", "η"}, {{"FedSGD", "∞", "0.01"}, {"FedAvg", "100", "0.1"}}};
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Every tag is closed in the right order and no stray < or & is left.
void check_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '&') {
      const std::string entity = xml.substr(i, xml.find(';', i) - i + 1);
      CHECK_MESSAGE(
          (entity == "&amp;" || entity == "&lt;" || entity == "&gt;" || entity == "&quot;"),
          entity);
    }
    if (xml[i] != '<') continue;
    const std::size_t end = xml.find('>', i);
    REQUIRE(end != xml.npos);
    const std::string tag = xml.substr(i + 1, end - i - 1);
    REQUIRE(!contains(tag, "<"));
    CHECK(count(tag, "\"") % 2 == 0);
    if (tag[0] == '/') {
      REQUIRE(!open.empty());
      CHECK(tag.substr(1) == open.back());
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find_first_of(" \n")));
    }
  }
  CHECK(open.empty());
}

}  // namespace

TEST_CASE("numbers are printed with fixed decimals and never as minus zero") {
  CHECK(fixed(3.14159, 2) == "3.14");
  CHECK(fixed(-0.001, 1) == "0.0");
  CHECK(fixed(-0.0, 0) == "0");
  CHECK(fixed(-0.26, 1) == "-0.3");
}

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

TEST_CASE("columns of a terminal are counted, not bytes") {
  CHECK(display_width("η=∞") == 3);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("数据") == 4);
  CHECK(display_width("\x1b[1mbold\x1b[0m") == 4);
  CHECK(display_width("cut \xce") == 5);
  CHECK(pad_left("∞", 3) == "  ∞");
  CHECK(shorten("ηηηηη", 3) == "ηη…");
  CHECK(shorten("abc", 3) == "abc");
}

TEST_CASE("text is wrapped at spaces and a long word keeps a line of its own") {
  CHECK(wrap("one two three", 7) == "one two\nthree");
  CHECK(wrap("η η η η", 3) == "η η\nη η");
  CHECK(wrap("a incomprehensible b", 5, "- ", "  ") == "- a\n  incomprehensible\n  b");
  CHECK(wrap("", 5) == "");
}

TEST_CASE("markup becomes HTML or terminal escapes, and everything else stays text") {
  CHECK(marked_html("**a** `x<y` & 2*3") == "<strong>a</strong> <code>x&lt;y</code> &amp; 2*3");
  CHECK(marked_html("**b `c`**") == "<strong>b <code>c</code></strong>");
  CHECK(marked_html("a ** b ` c") == "a ** b ` c");
  CHECK(marked_html("`**` **") == "<code>**</code> **");
  CHECK(marked_terminal("**a `b`**") == "\x1b[1ma \x1b[36mb\x1b[39m\x1b[22m");
  CHECK(escape_xml("a<b>&\"\x01") == "a&lt;b&gt;&amp;&quot;");
  CHECK(paragraphs("a\n\n\nb\nc") == std::vector<std::string>{"a", "b\nc"});
}

TEST_CASE("JSON strings survive a parser") {
  const std::string text = "η \"quoted\" \\ \n \t \r \x01 \x1f \x7f /";
  CHECK(nlohmann::json::parse(nn::json_quote(text)) == text);
  CHECK(nn::json_quote("\x1b") == "\"\\u001b\"");
}

TEST_CASE("a table aligns numbers to the right, with eta and infinity one column wide") {
  const std::vector<std::string> lines = lines_of(to_text(example_table()));
  REQUIRE(lines.size() == 7);
  CHECK(lines[0] == "Results");
  CHECK(lines[2] == "Algorithm    B     η");
  CHECK(lines[4] == "FedSGD       ∞  0.01");
  CHECK(lines[5] == "FedAvg     100   0.1");
  CHECK(display_width(lines[1]) == 20);
}

TEST_CASE("a table too wide for the terminal breaks its header") {
  const std::string wide(60, 'w');
  const Table table{"", {"Message count", "Test accuracy", "Name"}, {{"20", "42.88", wide}}};
  const std::vector<std::string> lines = lines_of(to_text(table));
  REQUIRE(lines.size() == 6);
  CHECK(lines[1] == "Message      Test");
  CHECK(lines[2] == "  count  accuracy  Name");
  CHECK(lines[4] == "     20     42.88  " + wide);
}

TEST_CASE("tables may be empty, but not ragged") {
  CHECK(to_text(Table{}) == "");
  CHECK(contains(to_html(Table{}), "<table>"));
  CHECK_THROWS_WITH_AS(to_html(Table{"", {"a"}, {{"1"}, {"1", "x"}}}),
                       "table: a row of 2 cells below 1 columns", nn::Error);
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

TEST_CASE("a line of thousands of points has few markers, at other points than its neighbours'") {
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

TEST_CASE("a document in the terminal wraps its text and leaves out code") {
  const std::string words =
      "many words that go on and on, well beyond the end of a line of a terminal, over and over";
  const Document document{
      "Title", {Heading{"Part"}, Paragraph{words}, Code{"print(1)"}, Question{words, words}}};
  const std::string text = to_text(document);
  for (const std::string& line : lines_of(text)) CHECK(display_width(line) <= screen_width);
  CHECK(contains(text, "Title\n═════\n\nPart\n────\n\nmany"));
  CHECK(!contains(text, "print"));
}

TEST_CASE("an HTML page holds everything in itself") {
  const Document document{"A & B",
                          {Heading{"Part"}, example_table(), example_plot(), Code{"a < b"},
                           Question{"why?", "**so**"}}};
  const std::string html = to_html(document);
  check_well_formed(html.substr(html.find("<body>"), html.find("</html>") - html.find("<body>")));
  CHECK(contains(html, "<title>A &amp; B</title>"));
  CHECK(contains(html, "<td class=\"number\">∞</td>"));
  CHECK(contains(html, "<code>a &lt; b</code>"));
  CHECK(contains(html, "<strong>so</strong>"));
  CHECK(contains(html, "<svg"));
  for (const char* outside : {"<script", "src=", "href=", "@import", "url("})
    CHECK(!contains(html, outside));
}

TEST_CASE("a notebook has the structure of nbformat 4.5") {
  const Document document{"T",
                          {Heading{"Part", 3}, Code{"df\n# two"}, example_plot(), example_table(),
                           Question{"why?", "a_b"}, example_plot(), Code{"x = 1"}}};
  const auto notebook = nlohmann::json::parse(to_notebook(document));
  CHECK(notebook["nbformat"] == 4);
  CHECK(notebook["nbformat_minor"] == 5);
  CHECK(notebook["metadata"]["kernelspec"]["name"] == "python3");
  const auto& cells = notebook["cells"];
  REQUIRE(cells.size() == 6);
  std::vector<std::string> ids;
  for (const auto& cell : cells) ids.push_back(cell["id"]);
  std::sort(ids.begin(), ids.end());
  CHECK(std::unique(ids.begin(), ids.end()) == ids.end());
  CHECK(cells[0]["source"] == nlohmann::json{"# T"});
  CHECK(cells[1]["source"] == nlohmann::json{"### Part"});

  const auto& code = cells[2];
  CHECK(code["cell_type"] == "code");
  CHECK(code["source"] == nlohmann::json{"df\n", "# two"});
  CHECK(code["execution_count"].is_null());
  REQUIRE(code["outputs"].size() == 2);
  CHECK(code["outputs"][0]["output_type"] == "display_data");
  CHECK(code["outputs"][0]["data"].contains("image/svg+xml"));
  CHECK(code["outputs"][1]["output_type"] == "display_data");
  CHECK(code["outputs"][1]["data"]["text/html"][0] == "<div class=\"wide\"><table>\n");

  CHECK(cells[3]["cell_type"] == "markdown");
  CHECK(cells[3]["source"].back() == "a_b");
  CHECK(cells[4]["source"] == nlohmann::json{"# Accuracy"});
  CHECK(cells[4]["outputs"].size() == 1);
  CHECK(cells[5]["outputs"].empty());
}

TEST_CASE("a notebook says that no kernel ran it, and its code is code whatever a caption holds") {
  Table table = example_table();
  table.caption = "two\r\nlines \xff";
  const auto notebook = nlohmann::json::parse(to_notebook({"T", {table, example_plot()}}));
  const auto& cell = notebook["cells"][1];
  CHECK(cell["execution_count"].is_null());
  CHECK(cell["source"] == nlohmann::json{"# two  lines \xef\xbf\xbd"});
  REQUIRE(cell["outputs"].size() == 2);
  for (const auto& output : cell["outputs"]) CHECK(!output.contains("execution_count"));
}

TEST_CASE("facts are a list of names and values in every form, and nothing in them is markup") {
  const Document document{"T", {Facts{{{"command", "hw1 `a` **b** <c>"}, {"seed", "10"}}}}};
  CHECK(contains(to_text(document), "command  hw1 `a` **b** <c>\nseed     10\n"));
  CHECK(contains(to_html(document), "<dt>command</dt><dd>hw1 `a` **b** &lt;c&gt;</dd>"));
  const auto cell = nlohmann::json::parse(to_notebook(document))["cells"][1];
  CHECK(cell["cell_type"] == "markdown");
  CHECK(cell["source"][1] == "<dt>command</dt><dd>hw1 `a` **b** &lt;c&gt;</dd>\n");
  const Document wide{"", {Facts{{{"a", std::string(70, 'x') + " and words that go on"}}}}};
  for (const std::string& line : lines_of(to_text(wide))) CHECK(line.size() <= 80);
}

TEST_CASE("an empty document can be written in every form") {
  CHECK(to_text(Document{}) == "");
  CHECK(contains(to_html(Document{}), "</html>"));
  CHECK(nlohmann::json::parse(to_notebook(Document{}))["cells"].size() == 1);
}

TEST_CASE("a progress bar rewrites one line, at most ten times a second, and erases itself") {
  std::ostringstream out;
  std::chrono::steady_clock::time_point now;
  {
    ProgressBar bar(out, true, [&] { return now; });
    const auto update = [&](int done) {
      out.str("");
      bar.update("FedAvg N=100 C=0.1", done, 15, "87.0 %");
      return out.str();
    };
    CHECK(contains(update(0), "0/15 rounds  87.0 %"));
    now += std::chrono::milliseconds(50);
    CHECK(update(1) == "");
    now += std::chrono::milliseconds(5950);
    const std::string line = update(6);
    CHECK(line.starts_with("\rFedAvg N=100 C=0.1  █"));
    CHECK(contains(line, "6/15 rounds  1.0 rounds/s  ETA 0:09  87.0 %"));
    CHECK(display_width(line) <= 79);
    CHECK(contains(update(15), "15/15"));
    out.str("");
  }
  CHECK(out.str() == "\r\x1b[K");
}

TEST_CASE("a progress bar is never wider than its line and silent when disabled") {
  std::ostringstream out;
  ProgressBar bar(out, true);
  bar.update(std::string(200, 'n'), 3, 1000000, std::string(200, 'd'));
  CHECK(display_width(out.str()) <= 79);
  bar.update("zero", 0, 0);
  CHECK(contains(out.str(), "0/0"));
  std::ostringstream nothing;
  {
    ProgressBar silent(nothing, false);
    silent.update("a", 1, 1);
    silent.clear();
  }
  CHECK(nothing.str() == "");
}
