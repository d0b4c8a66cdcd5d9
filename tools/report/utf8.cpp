#include "tools/report/utf8.h"

#include <algorithm>
#include <cstdint>

namespace report {
namespace {

struct Character {
  std::size_t bytes;
  int width;
};

int code_point_width(std::uint32_t code) {
  struct Interval {
    std::uint32_t first, last;
  };
  constexpr Interval none[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x300, 0x36f},
                               {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
  constexpr Interval wide[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                               {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                               {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
                               {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  const auto holds = [code](Interval i) { return i.first <= code && code <= i.last; };
  return std::ranges::any_of(none, holds) ? 0 : std::ranges::any_of(wide, holds) ? 2 : 1;
}

// The first character of a text that is not empty; a colour escape and a stray byte each count as
// one.
Character first_character(std::string_view text) {
  if (text.starts_with("\x1b[")) return {std::min(text.find('m'), text.size() - 1) + 1, 0};
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes > text.size()) return {text.size(), 1};
  std::uint32_t code = bytes == 1 ? lead : lead & (0x7f >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (text[i] & 0x3f);
  return {bytes, code_point_width(code)};
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += character.width;
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string pad_left(std::string_view text, int width) {
  return std::string(std::max(0, width - display_width(text)), ' ').append(text);
}

std::string pad_right(std::string_view text, int width) {
  return std::string(text).append(std::max(0, width - display_width(text)), ' ');
}

std::string shorten(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  if (width < 1) return "";
  std::size_t bytes = 0;
  for (int used = 0;;) {
    const Character character = first_character(text.substr(bytes));
    if ((used += character.width) > width - 1) break;
    bytes += character.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string wrap(std::string_view text, int width, std::string_view indent) {
  std::string result;
  int column = 0;
  bool begins_line = true;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
    if (text.empty()) return result;
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    const int word_width = display_width(word);
    if (!begins_line && column + 1 + word_width > width) {
      result.append("\n").append(indent);
      column = display_width(indent);
    } else if (!begins_line) {
      result += ' ', ++column;
    }
    result.append(word);
    column += word_width;
    begins_line = false;
    text.remove_prefix(word.size());
  }
}

}  // namespace report
