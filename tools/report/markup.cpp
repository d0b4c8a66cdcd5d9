#include "tools/report/markup.h"

#include <algorithm>
#include <array>

#include "nn/base/error.h"

namespace report {
namespace {

struct Mark {
  std::string_view sign, begin, end;
};

// Replaces pairs of marks. Bold text may contain code; code contains no marks.
std::string replace(std::string_view text, const Mark& code, const Mark& bold) {
  std::string result;
  while (!text.empty()) {
    const Mark& mark = text[0] == '`' ? code : bold;
    const std::size_t length = mark.sign.size();
    const std::size_t end = text.starts_with(mark.sign) ? text.find(mark.sign, length) : text.npos;
    if (end == text.npos) {
      result += text[0];
      text.remove_prefix(1);
    } else {
      const std::string inner(text.substr(length, end - length));
      result.append(mark.begin).append(&mark == &code ? inner : replace(inner, code, bold));
      result += mark.end;
      text.remove_prefix(end + length);
    }
  }
  return result;
}

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

std::string marked_html(std::string_view text) {
  return replace(escape_xml(text), {"`", "<code>", "</code>"}, {"**", "<strong>", "</strong>"});
}

std::string marked_terminal(std::string_view text) {
  return replace(text, {"`", "\x1b[36m", "\x1b[39m"}, {"**", "\x1b[1m", "\x1b[22m"});
}

std::string without_marks(std::string_view text) {
  return replace(text, {"`", "", ""}, {"**", "", ""});
}

std::string escape_xml(std::string_view text) {
  constexpr std::string_view special = "&<>\"";
  constexpr std::array names{"&amp;", "&lt;", "&gt;", "&quot;"};
  std::string result;
  for (const char c : text) {
    if (const std::size_t i = special.find(c); i != special.npos)
      result += names[i];
    else if (static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t')
      result += c;
  }
  return result;
}

std::string element(std::string_view tag, std::string_view content) {
  return nn::concat('<', tag, '>', content, "</", tag.substr(0, tag.find(' ')), '>');
}

}  // namespace report
