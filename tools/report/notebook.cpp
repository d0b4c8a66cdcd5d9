#include "tools/report/notebook.h"

#include <algorithm>

#include "nn/error.h"
#include "nn/json.h"
#include "tools/report/html.h"
#include "tools/report/markup.h"
#include "tools/report/svg.h"
#include "tools/report/text.h"

namespace report {
namespace {

using nn::concat;

std::string join(const std::vector<std::string>& items) {
  std::string result;
  for (const std::string& item : items) result += (result.empty() ? "" : ",\n") + item;
  return result;
}

// Notebooks keep a text as the list of its lines, so that a change is seen line by line.
std::string json_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.push_back(nn::json_quote(text.substr(0, length)));
    text.remove_prefix(length);
  }
  return concat("[", join(lines), "]");
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

constexpr const char* metadata = R"("metadata": {
"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
"language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python",
"pygments_lexer": "ipython3"}},
"nbformat": 4,
"nbformat_minor": 5}
)";

struct Output {
  std::string data;
  bool is_result;  // what the cell's last expression would show
};

class CellWriter {
 public:
  void markdown(const std::string& text) {
    finish_code();
    cells_.push_back(concat("{\"cell_type\": \"markdown\", \"id\": ", next_id(),
                            ", \"metadata\": {},\n\"source\": ", json_lines(text), "}"));
  }

  void code(const std::string& source) {
    finish_code();
    has_code_ = true;
    source_ = source;
  }

  void table(const Table& table) {
    if (!has_code_) code("# " + table.caption);
    outputs_.push_back({concat("\"text/html\": ", json_lines(to_html(table)),
                               ",\n\"text/plain\": ", json_lines(to_text(table))),
                        true});
  }

  // Jupyter shows SVG only in notebooks its user has declared trusted, but a picture inside HTML
  // always; consoles show the plain text.
  void plot(const LinePlot& plot) {
    if (!has_code_) code("# " + plot.title);
    const std::string svg = to_svg(plot, Theme::light);
    const std::string image =
        concat("<img alt=\"", escape_xml(plot.title), "\" src=\"", data_address(svg), "\">");
    outputs_.push_back({concat("\"image/svg+xml\": ", json_lines(svg), ",\n\"text/html\": ",
                               json_lines(image), ",\n\"text/plain\": ", json_lines(to_text(plot))),
                        false});
  }

  std::string finish() {
    finish_code();
    return concat("{\"cells\": [\n", join(cells_), "],\n", metadata);
  }

 private:
  std::string next_id() const { return nn::json_quote(concat("cell-", cells_.size() + 1)); }

  void finish_code() {
    if (!has_code_) return;
    ++executed_;
    std::vector<std::string> outputs;
    for (const Output& output : outputs_) {
      const bool is_last = &output == &outputs_.back();
      outputs.push_back(concat(
          is_last && output.is_result
              ? concat("{\"output_type\": \"execute_result\", \"execution_count\": ", executed_)
              : "{\"output_type\": \"display_data\"",
          ", \"metadata\": {},\n\"data\": {", output.data, "}}"));
    }
    cells_.push_back(concat("{\"cell_type\": \"code\", \"id\": ", next_id(),
                            ", \"metadata\": {}, \"execution_count\": ", executed_,
                            ",\n\"source\": ", json_lines(source_), ",\n\"outputs\": [",
                            join(outputs), "]}"));
    outputs_.clear();
    has_code_ = false;
  }

  std::vector<std::string> cells_;
  std::vector<Output> outputs_;
  std::string source_;
  bool has_code_ = false;
  int executed_ = 0;
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
      [&](const Code& code) { writer.code(code.source); }};
  for (const Block& block : document.blocks) std::visit(write, block);
  return writer.finish();
}

}  // namespace report
