#include "tools/report/document.h"

#include <algorithm>

#include "nn/base/split.h"
#include "tools/report/columns.h"
#include "tools/report/markup.h"

namespace report {
namespace {

constexpr int gap = 2;

struct TextWriter {
  bool colour;

  std::string bold(const std::string& text) const {
    return colour ? "\x1b[1m" + text + "\x1b[0m" : text;
  }
  std::string indented(std::string_view text, const std::string& indent) const {
    std::string result;
    for (const std::string& paragraph : paragraphs(text)) {
      const std::string marked = (colour ? marked_terminal : without_marks)(paragraph);
      result += (result.empty() ? "" : "\n") + wrap(marked, screen_width, indent) + "\n";
    }
    return result;
  }

  std::string operator()(const Heading& heading) const {
    const std::string rule = heading.level == 1 ? "═" : heading.level == 2 ? "─" : "";
    return bold(heading.text) + "\n" +
           (rule.empty() ? "" : repeat(rule, display_width(heading.text)) + "\n");
  }
  std::string operator()(const Paragraph& paragraph) const { return indented(paragraph.text, ""); }
  std::string operator()(const Table& table) const { return to_text(table); }
  std::string operator()(const LinePlot& plot) const { return to_text(plot, colour); }
  std::string operator()(const ConfusionMatrix& matrix) const { return to_text(matrix); }
  std::string operator()(const Picture& picture) const { return to_text(picture); }
  std::string operator()(const Question& question) const {
    return bold(wrap(without_marks(question.question), screen_width, "? ")) + "\n\n" +
           indented(question.answer, "  ");
  }
  std::string operator()(const Facts& facts) const {
    int margin = 0;
    for (const auto& [name, value] : facts.values)
      margin = std::max(margin, display_width(name) + gap);
    std::string result;
    for (const auto& [name, value] : facts.values)
      result += wrap(value, screen_width, pad_right(name, margin)) + "\n";
    return result;
  }
  std::string operator()(const Code&) const { return ""; }
};

// Of each column, with the words of its header below each other.
std::vector<int> least_widths(const Table& table) {
  std::vector<int> widths(table.header.size());
  for (std::size_t i = 0; i < widths.size(); ++i) {
    for (const auto& row : table.rows) widths[i] = std::max(widths[i], display_width(row[i]));
    for (const std::string& word : nn::split(table.header[i], ' '))
      widths[i] = std::max(widths[i], display_width(word));
  }
  return widths;
}

}  // namespace

int width_of(const Table& table) {
  int width = -gap;
  for (int column : least_widths(table)) width += column + gap;
  return width;
}

std::string to_text(const Table& table) {
  using Rows = std::vector<std::vector<std::string>>;
  const std::size_t columns = table.header.size();
  std::string result =
      table.caption.empty() ? "" : wrap(without_marks(table.caption), screen_width) + "\n";
  if (columns == 0) return result;

  const std::vector<int> least = least_widths(table);
  std::vector<int> widths(columns);
  int total = -gap;
  for (std::size_t i = 0; i < columns; ++i) {
    widths[i] = std::max(least[i], display_width(table.header[i]));
    total += widths[i] + gap;
  }
  Rows header;  // ends on the same line in every column
  for (std::size_t i = 0; i < columns; ++i) {
    if (total > screen_width) total -= widths[i] - least[i], widths[i] = least[i];
    const auto lines = nn::split(wrap(table.header[i], widths[i]), '\n');
    while (header.size() < lines.size()) header.emplace(header.begin(), columns);
    for (std::size_t j = 0; j < lines.size(); ++j) header.rbegin()[j][i] = lines.rbegin()[j];
  }

  const std::string rule = repeat("─", total) + "\n";
  const auto add = [&](const Rows& rows) {
    for (const auto& row : rows) {
      std::string line;
      for (std::size_t i = 0; i < columns; ++i)
        line += (table.has_numbers(i) ? pad_left : pad_right)(row[i], widths[i]) + "  ";
      result += without_trailing_spaces(line) + "\n";
    }
    result += rule;
  };
  result += rule;
  add(header);
  add(table.rows);
  return result;
}

std::string to_text(const Picture& picture) { return picture.title + "\n"; }

std::string to_text(const Document& document, bool colour) {
  const TextWriter write{colour};
  std::string result = document.title.empty() ? "" : write(Heading{document.title, 1});
  for (const Block& block : document.blocks) {
    const std::string text = std::visit(write, block);
    if (!result.empty() && !text.empty()) result += "\n";
    result += text;
  }
  return result;
}

}  // namespace report
