#include "tools/report/text.h"

#include <algorithm>

#include "tools/report/markup.h"
#include "tools/report/utf8.h"

namespace report {
namespace {

constexpr int gap = 2;

std::string repeat(std::string_view what, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += what;
  return result;
}

std::string without_trailing_spaces(std::string line) {
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

// The longest cell below the header, or the longest word of the header if that is longer.
int least_width(const Table& table, std::size_t column) {
  int width = 0;
  for (const auto& row : table.rows) width = std::max(width, display_width(cell(row, column)));
  std::string_view header = cell(table.header, column);
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(' '), header.size());
    width = std::max(width, display_width(header.substr(0, end)));
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return width;
}

std::vector<int> column_widths(const Table& table, int width) {
  std::vector<int> widths;
  int missing = -width - gap;
  for (std::size_t i = 0; i < column_count(table); ++i) {
    widths.push_back(std::max(least_width(table, i), display_width(cell(table.header, i))));
    missing += widths.back() + gap;
  }
  for (std::size_t i = 0; i < widths.size() && missing > 0; ++i) {
    const int saved = widths[i] - least_width(table, i);
    widths[i] -= saved;
    missing -= saved;
  }
  return widths;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> result(1);
  for (const char c : text) {
    if (c == '\n') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

std::string paragraphs_text(const std::string& text, int width, bool colour, std::string indent) {
  std::string result;
  for (const std::string& paragraph : paragraphs(text)) {
    if (!result.empty()) result += "\n";
    const int indented = width - display_width(indent);
    for (const std::string& line : lines(wrap(marked_terminal(paragraph, colour), indented))) {
      result += indent + line + "\n";
    }
  }
  return result;
}

std::string heading_text(const Heading& heading, bool colour) {
  const std::string bold = colour ? "\x1b[1m" : "", normal = colour ? "\x1b[0m" : "";
  const char* rule = heading.level == 1 ? "═" : "─";
  return bold + heading.text + normal + "\n" +
         (heading.level > 2 ? "" : repeat(rule, display_width(heading.text)) + "\n");
}

std::string question_text(const Question& question, int width, bool colour) {
  const std::string mark = colour ? "\x1b[1m? " : "? ", normal = colour ? "\x1b[0m" : "";
  return mark + wrap(marked_terminal(question.question, false), width - 2, "  ") + normal + "\n\n" +
         paragraphs_text(question.answer, width, colour, "  ");
}

std::string facts_text(const Facts& facts, int width) {
  int names = 0;
  for (const auto& [name, value] : facts.values) names = std::max(names, display_width(name) + gap);
  std::string result;
  for (const auto& [name, value] : facts.values)
    result += pad_right(name, names) + wrap(value, width - names, std::string(names, ' ')) + "\n";
  return result;
}

}  // namespace

std::string to_text(const Table& table, int width) {
  const std::vector<int> widths = column_widths(table, width);
  std::vector<bool> is_number;
  for (std::size_t i = 0; i < widths.size(); ++i) is_number.push_back(is_number_column(table, i));
  const auto row_text = [&](const auto& text_of) {
    std::string line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string between(i > 0 ? gap : 0, ' ');
      line += between +
              (is_number[i] ? pad_left(text_of(i), widths[i]) : pad_right(text_of(i), widths[i]));
    }
    return without_trailing_spaces(line) + "\n";
  };

  std::vector<std::vector<std::string>> header;
  std::size_t header_lines = 1;
  int total = -gap;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    header.push_back(lines(wrap(cell(table.header, i), widths[i])));
    header_lines = std::max(header_lines, header.back().size());
    total += widths[i] + gap;
  }
  const std::string rule = repeat("─", total) + "\n";
  std::string result = table.caption.empty() ? "" : wrap(table.caption, width) + "\n";
  if (widths.empty()) return result;
  result += rule;
  for (std::size_t line = 0; line < header_lines; ++line) {
    result += row_text([&](std::size_t i) {
      const std::size_t above = header_lines - header[i].size();
      return line < above ? std::string() : header[i][line - above];
    });
  }
  result += rule;
  for (const auto& row : table.rows) {
    result += row_text([&](std::size_t i) { return cell(row, i); });
  }
  return result + rule;
}

std::string to_text(const Document& document, int width, bool colour) {
  std::string result = document.title.empty() ? "" : heading_text({document.title, 1}, colour);
  for (const Block& block : document.blocks) {
    const std::string text = std::visit(
        Overloaded{[&](const Heading& heading) { return heading_text(heading, colour); },
                   [&](const Paragraph& paragraph) {
                     return paragraphs_text(paragraph.text, width, colour, "");
                   },
                   [&](const Table& table) { return to_text(table, width); },
                   [&](const LinePlot& plot) { return to_text(plot, width, colour); },
                   [&](const Question& question) { return question_text(question, width, colour); },
                   [&](const Facts& facts) { return facts_text(facts, width); },
                   [](const Code&) { return std::string(); }},
        block);
    if (!result.empty() && !text.empty()) result += "\n";
    result += text;
  }
  return result;
}

}  // namespace report
