#include "tools/report/markup.h"

#include <algorithm>

#include "nn/base/error.h"

namespace report {
namespace {

struct Span {
  std::string text;
  bool is_bold, is_code;
};

std::vector<Span> spans(std::string_view text) {
  std::vector<Span> result;
  bool is_bold = false;
  const auto add = [&](std::string_view more, bool is_code) {
    if (result.empty() || is_code || result.back().is_code || result.back().is_bold != is_bold)
      result.push_back({"", is_bold, is_code});
    result.back().text += more;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t tick = text[at] == '`' ? text.find('`', at + 1) : text.npos;
    if (tick != text.npos) {
      if (tick > at + 1) add(text.substr(at + 1, tick - at - 1), true);
      at = tick + 1;
    } else if (text.substr(at, 2) == "**" && (is_bold || text.find("**", at + 2) != text.npos)) {
      is_bold = !is_bold;
      at += 2;
    } else {
      add(text.substr(at++, 1), false);
    }
  }
  return result;
}

struct Marks {
  std::string_view bold, bold_end, code, code_end;
};

// escape(span, is_first) gives the text between the marks.
template <class Escape>
std::string marked(std::string_view text, const Marks& marks, Escape escape) {
  std::string result;
  for (const Span& span : spans(text)) {
    const std::string escaped = escape(span, result.empty());
    if (span.is_bold) result += marks.bold;
    if (span.is_code) result += marks.code;
    result += escaped;
    if (span.is_code) result += marks.code_end;
    if (span.is_bold) result += marks.bold_end;
  }
  return result;
}

bool is_one_of(char c, std::string_view set) { return set.find(c) != set.npos; }

}  // namespace

std::vector<std::string> paragraphs(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    if (end > 0) result.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.find_first_not_of('\n', end), text.size()));
  }
  return result;
}

std::string escape_xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool is_forbidden = static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
    if (is_one_of(c, "&<>\""))
      result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&quot;";
    else if (!is_forbidden)
      result += c;
  }
  return result;
}

std::string element(std::string_view tag, std::string_view content) {
  return nn::concat('<', tag, '>', content, "</", tag.substr(0, tag.find(' ')), '>');
}

std::string marked_html(std::string_view text) {
  return marked(text, {"<strong>", "</strong>", "<code>", "</code>"},
                [](const Span& span, bool) { return escape_xml(span.text); });
}

std::string marked_markdown(std::string_view text) {
  return marked(text, {"**", "**", "`", "`"}, [](const Span& span, bool is_first) {
    if (span.is_code) return span.text;
    std::string escaped;
    for (const char c : span.text) {
      const bool begins_list = is_first && escaped.empty() && is_one_of(c, "#+-");
      if (begins_list || is_one_of(c, "\\`*_[]<>$&|~")) escaped += '\\';
      escaped += c;
    }
    return escaped;
  });
}

std::string marked_terminal(std::string_view text, bool colour) {
  if (!colour) return std::string(text);
  return marked(text, {"\x1b[1m", "\x1b[0m", "\x1b[36m", "\x1b[0m"},
                [](const Span& span, bool) { return span.text; });
}

}  // namespace report
