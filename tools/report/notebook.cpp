#include "tools/report/notebook.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nn/base/error.h"
#include "tools/report/html.h"
#include "tools/report/markup.h"
#include "tools/report/seal.h"
#include "tools/report/svg.h"
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
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string result = "data:image/svg+xml;charset=utf-8,";
  for (const char c : svg) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f ||
        std::string_view("%#\"'<>&").find(c) != std::string_view::npos) {
      result.append({'%', hex[byte >> 4], hex[byte & 15]});
    } else {
      result += c;
    }
  }
  return result;
}

class CellWriter {
 public:
  void markdown(const std::string& text) {
    add("markdown", text);
    is_code_ = false;
  }

  void code(const std::string& source) {
    Json& cell = add("code", source);
    cell["execution_count"] = nullptr;
    cell["outputs"] = Json::array();
    is_code_ = true;
  }

  void table(const Table& table) {
    add_output(table.caption,
               {{"text/html", lines(to_html(table))}, {"text/plain", lines(to_text(table))}});
  }

  // Jupyter shows SVG only in notebooks its user has declared trusted, but a picture inside HTML
  // always; consoles show the plain text.
  void plot(const LinePlot& plot) {
    const std::string svg = to_svg(plot, Theme::light);
    const std::string image =
        nn::concat("<img alt=\"", escape_xml(plot.title), "\" src=\"", data_address(svg), "\">");
    add_output(plot.title, {{"image/svg+xml", lines(svg)},
                            {"text/html", lines(image)},
                            {"text/plain", lines(to_text(plot))}});
  }

  Json cells = Json::array();

 private:
  Json& add(const char* type, const std::string& source) {
    cells.push_back({{"cell_type", type},
                     {"id", nn::concat("cell-", cells.size() + 1)},
                     {"metadata", Json::object()},
                     {"source", lines(source)}});
    return cells.back();
  }

  void add_output(std::string caption, const Json& data) {
    std::ranges::replace_if(
        caption, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    if (!is_code_) code("# " + caption);
    cells.back()["outputs"].push_back(
        {{"output_type", "display_data"}, {"metadata", Json::object()}, {"data", data}});
  }

  bool is_code_ = false;  // the last cell
};

std::string marked_paragraphs(std::string_view text) {
  std::string result;
  for (const std::string& paragraph : paragraphs(text)) {
    result += (result.empty() ? "" : "\n\n") + marked_markdown(paragraph);
  }
  return result;
}

}  // namespace

std::string to_notebook(const Document& document) {
  CellWriter writer;
  writer.markdown("# " + marked_markdown(document.title));
  const Overloaded write{
      [&](const Heading& heading) {
        const std::string marks(std::clamp(heading.level, 1, 6), '#');
        writer.markdown(marks + " " + marked_markdown(heading.text));
      },
      [&](const Paragraph& paragraph) { writer.markdown(marked_paragraphs(paragraph.text)); },
      [&](const Question& question) {
        std::string asked = marked_paragraphs(question.question);
        for (std::size_t i = 0; (i = asked.find('\n', i)) != asked.npos; i += 3) {
          asked.insert(i + 1, "> ");
        }
        writer.markdown("> **Question.** " + asked + "\n\n" + marked_paragraphs(question.answer));
      },
      [&](const Table& table) { writer.table(table); },
      [&](const LinePlot& plot) { writer.plot(plot); },
      [&](const Facts& facts) { writer.markdown(to_html(facts)); },
      [&](const Code& code) { writer.code(code.source); }};
  for (const Block& block : document.blocks) std::visit(write, block);

  const Json metadata = {
      {"kernelspec", {{"display_name", "Python 3"}, {"language", "python"}, {"name", "python3"}}},
      {"language_info",
       {{"file_extension", ".py"},
        {"mimetype", "text/x-python"},
        {"name", "python"},
        {"pygments_lexer", "ipython3"}}},
      {"tributary", {{"checksum", no_checksum}}}};
  const Json notebook = {
      {"cells", writer.cells}, {"metadata", metadata}, {"nbformat", 4}, {"nbformat_minor", 5}};
  return sealed(notebook.dump(1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) +
                '\n');
}

}  // namespace report
