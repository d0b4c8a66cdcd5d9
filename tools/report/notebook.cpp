#include "tools/report/notebook.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nn/base/error.h"
#include "tools/report/html.h"
#include "tools/report/markup.h"
#include "tools/report/plot_svg.h"
#include "tools/report/plot_text.h"
#include "tools/report/seal.h"
#include "tools/report/text.h"

namespace report {
namespace {

using Json = nlohmann::ordered_json;

// Notebooks keep a text as the list of its lines, so that a change is seen line by line.
Json lines(std::string_view text) {
  Json lines = Json::array();
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

std::string data_address(std::string_view svg) {
  constexpr std::string_view hex = "0123456789ABCDEF", special = "%#\"'<>&";
  std::string result = "data:image/svg+xml;charset=utf-8,";
  for (const char c : svg) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || special.find(c) != special.npos)
      result.append({'%', hex[byte >> 4], hex[byte & 15]});
    else
      result += c;
  }
  return result;
}

std::string paragraphs_markdown(std::string_view text) {
  std::string result;
  for (const std::string& paragraph : paragraphs(text))
    result += (result.empty() ? "" : "\n\n") + marked_markdown(paragraph);
  return result;
}

// Adds cells, one or none for each block.
struct NotebookWriter {
  Json cells = Json::array();

  void operator()(const Heading& heading) {
    const std::string marks(std::clamp(heading.level, 1, 6), '#');
    add_cell("markdown", marks + " " + marked_markdown(heading.text));
  }
  void operator()(const Paragraph& paragraph) {
    add_cell("markdown", paragraphs_markdown(paragraph.text));
  }
  void operator()(const Question& question) {
    std::string asked = paragraphs_markdown(question.question);
    for (std::size_t i = 0; (i = asked.find('\n', i)) != asked.npos; i += 3)
      asked.insert(i + 1, "> ");
    add_cell("markdown",
             "> **Question.** " + asked + "\n\n" + paragraphs_markdown(question.answer));
  }
  void operator()(const Facts& facts) { add_cell("markdown", to_html(facts)); }
  void operator()(const Code& code) {
    Json& cell = add_cell("code", code.source);
    cell["execution_count"] = nullptr;
    cell["outputs"] = Json::array();
  }
  void operator()(const Table& table) {
    add_output(table.caption,
               {{"text/html", lines(to_html(table))}, {"text/plain", lines(to_text(table))}});
  }
  // Jupyter shows SVG only in notebooks its user has declared trusted, but a picture inside HTML
  // always; consoles show the plain text.
  void operator()(const LinePlot& plot) {
    const std::string svg = to_svg(plot, Theme::light);
    const std::string image =
        nn::concat("<img alt=\"", escape_xml(plot.title), "\" src=\"", data_address(svg), "\">");
    add_output(plot.title, {{"image/svg+xml", lines(svg)},
                            {"text/html", lines(image)},
                            {"text/plain", lines(to_text(plot))}});
  }

 private:
  Json& add_cell(const char* type, const std::string& source) {
    cells.push_back({{"cell_type", type},
                     {"id", nn::concat("cell-", cells.size() + 1)},
                     {"metadata", Json::object()},
                     {"source", lines(source)}});
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
  const Json notebook = {
      {"cells", writer.cells},
      {"metadata",
       {{"kernelspec", {{"display_name", "Python 3"}, {"language", "python"}, {"name", "python3"}}},
        {"language_info",
         {{"file_extension", ".py"},
          {"mimetype", "text/x-python"},
          {"name", "python"},
          {"pygments_lexer", "ipython3"}}},
        {"tributary", {{"checksum", no_checksum}}}}},
      {"nbformat", 4},
      {"nbformat_minor", 5}};
  return sealed(notebook.dump(1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
                '\n');
}

}  // namespace report
