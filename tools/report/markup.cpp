#include "tools/report/markup.h"

#include <algorithm>

namespace report {

std::vector<Span> spans(std::string_view text) {
  std::vector<Span> result(1);
  bool is_bold = false;
  while (!text.empty()) {
    const bool has_closing_tick = text[0] == '`' && text.find('`', 1) != text.npos;
    const bool has_stars = text.starts_with("**") && (is_bold || text.find("**", 2) != text.npos);
    if (has_closing_tick) {
      const std::size_t end = text.find('`', 1);
      result.push_back({std::string(text.substr(1, end - 1)), is_bold, true});
      result.push_back({"", is_bold});
      text.remove_prefix(end + 1);
    } else if (has_stars) {
      is_bold = !is_bold;
      result.push_back({"", is_bold});
      text.remove_prefix(2);
    } else {
      result.back().text += text[0];
      text.remove_prefix(1);
    }
  }
  std::erase_if(result, [](const Span& span) { return span.text.empty(); });
  return result;
}

std::vector<std::string> paragraphs(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    if (end > 0) result.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of('\n'), text.size()));
  }
  return result;
}

std::string escape_xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') {
      result += c;
    }
  }
  return result;
}

std::string marked_html(std::string_view text) {
  std::string result;
  for (const Span& span : spans(text)) {
    std::string piece = escape_xml(span.text);
    if (span.is_code) piece = "<code>" + piece + "</code>";
    if (span.is_bold) piece = "<strong>" + piece + "</strong>";
    result += piece;
  }
  return result;
}

std::string marked_markdown(std::string_view text) {
  std::string result;
  for (const Span& span : spans(text)) {
    std::string piece;
    for (const char c : span.text) {
      const bool begins_text = result.empty() && piece.empty();
      const bool is_special =
          std::string_view("\\`*_[]<>$&|~").find(c) != std::string_view::npos ||
          (begins_text && std::string_view("#+-").find(c) != std::string_view::npos);
      if (is_special && !span.is_code) piece += '\\';
      piece += c;
    }
    if (span.is_code) piece = "`" + piece + "`";
    if (span.is_bold) piece = "**" + piece + "**";
    result += piece;
  }
  return result;
}

std::string marked_terminal(std::string_view text, bool colour) {
  if (!colour) return std::string(text);
  std::string result;
  for (const Span& span : spans(text)) {
    const bool is_marked = span.is_bold || span.is_code;
    if (span.is_bold) result += "\x1b[1m";
    if (span.is_code) result += "\x1b[36m";
    result += span.text;
    if (is_marked) result += "\x1b[0m";
  }
  return result;
}

}  // namespace report
