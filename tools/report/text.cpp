#include "tools/report/text.h"

#include <algorithm>

#include "nn/base/split.h"
#include "tools/report/columns.h"
#include "tools/report/markup.h"
#include "tools/report/plot.h"

namespace report {
namespace {

constexpr int gap = 2;

struct TextWriter {
  int width;
  bool colour;

  std::string bold(const std::string& text) const {
    return colour ? "\x1b[1m" + text + "\x1b[0m" : text;
  }
  std::string paragraphs(std::string_view text, std::string_view indent = "") const {
    std::string result;
    for (const std::string& paragraph : report::paragraphs(text)) {
      if (!result.empty()) result += "\n";
      const std::string marked = marked_terminal(paragraph, colour);
      for (const std::string& line : nn::split(wrap(marked, width - display_width(indent)), '\n'))
        result.append(indent).append(line).append("\n");
    }
    return result;
  }

  std::string operator()(const Heading& heading) const {
    const std::string rule = heading.level == 1 ? "═" : heading.level == 2 ? "─" : "";
    return bold(heading.text) + "\n" +
           (rule.empty() ? "" : repeat(rule, display_width(heading.text)) + "\n");
  }
  std::string operator()(const Paragraph& paragraph) const { return paragraphs(paragraph.text); }
  std::string operator()(const Table& table) const { return to_text(table, width); }
  std::string operator()(const LinePlot& plot) const { return to_text(plot, width, colour); }
  std::string operator()(const Question& question) const {
    return bold("? " + wrap(question.question, width - 2, "  ")) + "\n\n" +
           paragraphs(question.answer, "  ");
  }
  std::string operator()(const Facts& facts) const {
    int names = 0;
    for (const auto& [name, value] : facts.values)
      names = std::max(names, display_width(name) + gap);
    std::string result;
    for (const auto& [name, value] : facts.values)
      result += pad_right(name, names) + wrap(value, width - names, repeat(" ", names)) + "\n";
    return result;
  }
  std::string operator()(const Code&) const { return ""; }
};

}  // namespace

std::string to_text(const Table& table, int width) {
  const std::size_t columns = column_count(table);
  std::vector<int> widths(columns),
      narrow(columns);  // narrow: with every word of the header a line
  std::vector<bool> is_number(columns);
  int total = -gap;
  for (std::size_t i = 0; i < columns; ++i) {
    is_number[i] = is_number_column(table, i);
    for (const auto& row : table.rows) narrow[i] = std::max(narrow[i], display_width(cell(row, i)));
    widths[i] = std::max(narrow[i], display_width(cell(table.header, i)));
    for (const std::string& word : nn::split(cell(table.header, i), ' '))
      narrow[i] = std::max(narrow[i], display_width(word));
    total += widths[i] + gap;
  }
  for (std::size_t i = 0; i < columns && total > width; ++i)
    total -= widths[i] - narrow[i], widths[i] = narrow[i];

  std::vector<std::vector<std::string>> header;  // from the last line to the first
  for (std::size_t i = 0; i < columns; ++i) {
    std::vector<std::string> lines = nn::split(wrap(cell(table.header, i), widths[i]), '\n');
    std::ranges::reverse(lines);
    if (header.size() < lines.size())
      header.resize(lines.size(), std::vector<std::string>(columns));
    for (std::size_t line = 0; line < lines.size(); ++line) header[line][i] = lines[line];
  }
  std::ranges::reverse(header);

  const auto row_text = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < columns; ++i)
      line += repeat(" ", i > 0 ? gap : 0) +
              (is_number[i] ? pad_left : pad_right)(cell(row, i), widths[i]);
    return without_trailing_spaces(line) + "\n";
  };
  std::string result = table.caption.empty() ? "" : wrap(table.caption, width) + "\n";
  if (columns == 0) return result;
  const std::string rule = repeat("─", total) + "\n";
  result += rule;
  for (const auto& row : header) result += row_text(row);
  result += rule;
  for (const auto& row : table.rows) result += row_text(row);
  return result + rule;
}

std::string to_text(const Document& document, int width, bool colour) {
  const TextWriter write{width, colour};
  std::string result = document.title.empty() ? "" : write(Heading{document.title, 1});
  for (const Block& block : document.blocks) {
    const std::string text = std::visit(write, block);
    if (!result.empty() && !text.empty()) result += "\n";
    result += text;
  }
  return result;
}

}  // namespace report
