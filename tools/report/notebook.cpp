#include "tools/report/document.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nn/base/error.h"
#include "nn/base/seal.h"
#include "nn/base/split.h"
#include "tools/report/markup.h"

namespace report {
namespace {

using Json = nlohmann::ordered_json;

// Notebooks keep a text as the list of its lines, so that a change is seen line by line.
Json lines_of(std::string_view text) {
  std::vector<std::string> lines = nn::split(text, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) lines[i] += '\n';
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

// An SVG as a picture inside HTML.
std::string image(const std::string& title, std::string_view svg) {
  std::string address = "data:image/svg+xml;charset=utf-8,";
  for (const char c : svg) address += c == '%' ? "%25" : c == '#' ? "%23" : std::string(1, c);
  std::erase(address, '\n');
  return nn::concat("<img alt=\"", escape_xml(title), "\" src=\"", escape_xml(address), "\">");
}

// Adds cells, one or none for each block.
struct NotebookWriter {
  Json cells = Json::array();

  void operator()(const Heading& heading) {
    add_cell("markdown", std::string(heading.level, '#') + " " + heading.text);
  }
  void operator()(const Paragraph& paragraph) { add_cell("markdown", paragraph.text); }
  void operator()(const Question& question) {
    add_cell("markdown", "> **Question.** " + question.question + "\n\n" + question.answer);
  }
  void operator()(const Facts& facts) { add_cell("markdown", to_html(facts)); }
  void operator()(const Code& code) {
    Json& cell = add_cell("code", code.source);
    cell["execution_count"] = nullptr;
    cell["outputs"] = Json::array();
  }
  void operator()(const Table& table) {
    add_output(table.caption,
               {{"text/html", lines_of(to_html(table))}, {"text/plain", lines_of(to_text(table))}});
  }
  // A picture. Jupyter shows SVG only in notebooks its user has declared trusted, but a picture
  // inside HTML always; consoles show the plain text.
  void operator()(const auto& picture) {
    const std::string svg = to_svg(picture, Theme::light);
    add_output(picture.title, {{"image/svg+xml", lines_of(svg)},
                               {"text/html", lines_of(image(picture.title, svg))},
                               {"text/plain", lines_of(to_text(picture))}});
  }

 private:
  Json& add_cell(const char* type, const std::string& source) {
    cells.push_back({{"cell_type", type},
                     {"id", nn::concat("cell-", cells.size() + 1)},
                     {"metadata", Json::object()},
                     {"source", lines_of(source)}});
    return cells.back();
  }
  void add_output(std::string caption, const Json& data) {
    std::ranges::replace_if(
        caption, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    if (cells.back()["cell_type"] != "code") (*this)(Code{"# " + caption});
    cells.back()["outputs"].push_back(
        {{"output_type", "display_data"}, {"metadata", Json::object()}, {"data", data}});
  }
};

}  // namespace

std::string to_notebook(const Document& document) {
  NotebookWriter writer;
  writer(Heading{document.title, 1});
  for (const Block& block : document.blocks) std::visit(writer, block);
  const Json metadata = {{"kernelspec", {{"display_name", "Python 3"}, {"name", "python3"}}},
                         {"language_info", {{"name", "python"}}},
                         {"tributary", {{"checksum", nn::no_checksum}}}};
  const Json notebook = {
      {"cells", writer.cells}, {"metadata", metadata}, {"nbformat", 4}, {"nbformat_minor", 5}};
  return nn::sealed(notebook.dump(1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
                    '\n');
}

}  // namespace report
