#include "tools/report/columns.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <utility>

#include "nn/base/utf8.h"

namespace report {
namespace {

struct Glyph {
  int bytes, width;
};

int width_of(std::uint32_t code) {
  using Range = std::pair<std::uint32_t, std::uint32_t>;  // with both ends
  constexpr Range none[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x300, 0x36f},
                            {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
  constexpr Range wide[] = {{0x1100, 0x115f},   {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                            {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                            {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
                            {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  const auto holds = [code](const Range& r) { return r.first <= code && code <= r.second; };
  return std::ranges::any_of(none, holds) ? 0 : std::ranges::any_of(wide, holds) ? 2 : 1;
}

// The first of a text that is not empty; a colour escape and a stray byte each count as one.
Glyph first_glyph(std::string_view text) {
  if (text.starts_with("\x1b["))
    return {static_cast<int>(std::min(text.find('m'), text.size() - 1)) + 1, 0};
  const auto [bytes, code] = nn::first_character(text);
  return bytes > 0 ? Glyph{bytes, width_of(code)} : Glyph{1, 1};
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    width += glyph.width;
    text.remove_prefix(glyph.bytes);
  }
  return width;
}

std::string pad_left(std::string_view text, int width) {
  return repeat(" ", width - display_width(text)).append(text);
}

std::string pad_right(std::string_view text, int width) {
  return std::string(text) + repeat(" ", width - display_width(text));
}

std::string shorten(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  if (width < 1) return "";
  std::string result;
  for (Glyph glyph = first_glyph(text); (width -= glyph.width) > 0; glyph = first_glyph(text)) {
    result += text.substr(0, glyph.bytes);
    text.remove_prefix(glyph.bytes);
  }
  return result + "…";
}

std::string wrap(std::string_view text, int width, std::string_view first) {
  const int indent = display_width(first);
  const std::string line_break = "\n" + repeat(" ", indent);
  std::istringstream words{std::string(text)};
  std::string result(first), space;  // none before the first word
  int column = indent;
  for (std::string word; words >> word; space = " ") {
    const int length = display_width(word);
    const bool fits = space.empty() || column + 1 + length <= width;
    result += (fits ? space : line_break) + word;
    column = (fits ? column + display_width(space) : indent) + length;
  }
  return result;
}

std::string repeat(std::string_view what, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += what;
  return result;
}

std::string without_trailing_spaces(std::string_view line) {
  return std::string(line.substr(0, line.find_last_not_of(' ') + 1));
}

}  // namespace report
