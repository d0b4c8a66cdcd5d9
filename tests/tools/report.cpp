#include <doctest/doctest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "nn/base/json.h"
#include "tests/complaint.h"
#include "tests/tools/report_text.h"
#include "tools/report/axis.h"
#include "tools/report/columns.h"
#include "tools/report/document.h"
#include "tools/report/markup.h"
#include "tools/report/progress.h"

namespace report {

namespace {

Table example_table() {
  return {"Results", {"Algorithm", "B", "η"}, {{"FedSGD", "∞", "0.01"}, {"FedAvg", "100", "0.1"}}};
}

}  // namespace

TEST_CASE("numbers are printed with fixed decimals and never as minus zero") {
  CHECK(fixed(3.14159, 2) == "3.14");
  CHECK(fixed(-0.001, 1) == "0.0");
  CHECK(fixed(-0.0, 0) == "0");
  CHECK(fixed(-0.26, 1) == "-0.3");
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
  CHECK(wrap("a incomprehensible b", 5, "- ") == "- a\n  incomprehensible\n  b");
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

TEST_CASE("text without colours has none of Markdown's marks") {
  const Document document{"", {Paragraph{"**a `b`** c"}, Question{"`d`?", "**e** 2 ** 3"}}};
  CHECK(to_text(document) == "a b c\n\n? d?\n\n  e 2 ** 3\n");
  CHECK(to_text(Table{"**a**", {}, {}}) == "a\n");
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
    ProgressBar bar(out);
    const auto update = [&](int done) {
      out.str("");
      bar.update("FedAvg N=100 C=0.1", done, 15, "87.0 %", now);
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

TEST_CASE("a progress bar is never wider than its line") {
  std::ostringstream out;
  ProgressBar bar(out);
  bar.update(std::string(200, 'n'), 3, 1000000, std::string(200, 'd'));
  CHECK(display_width(out.str()) <= 79);
  bar.update("zero", 0, 0);
  CHECK(contains(out.str(), "0/0"));
}

TEST_CASE("a progress bar fits its terminal: first the rate goes, then the time to go") {
  int terminal = -1, other = -1;
  REQUIRE(openpty(&terminal, &other, nullptr, nullptr, nullptr) == 0);
  const auto line_at = [&](int columns) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    REQUIRE(ioctl(terminal, TIOCSWINSZ, &size) == 0);
    std::ostringstream out;
    ProgressBar bar(out, terminal);
    auto now = ProgressBar::Clock::now();
    bar.update("FedAvg N=100 C=0.1", 0, 15, "", now);
    out.str("");
    bar.update("FedAvg N=100 C=0.1", 7, 15, "87.00 %", now += std::chrono::seconds(7));
    CHECK(display_width(out.str()) < columns);
    return out.str();
  };
  CHECK(contains(line_at(120), "7/15 rounds  1.0 rounds/s  ETA 0:08  87.00 %"));
  CHECK(contains(line_at(70), "7/15 rounds  ETA 0:08  87.00 %"));
  CHECK(contains(line_at(50), "7/15 rounds  87.00 %"));
  line_at(20);
  close(terminal);
  close(other);
}

}  // namespace report
