#include "nn/base/printable.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "nn/base/utf8.h"

namespace nn {

namespace {

bool is_visible(std::uint32_t code) {
  const auto is_in = [code](std::uint32_t first, std::uint32_t last) {
    return first <= code && code <= last;
  };
  return !(code < 0x20 || is_in(0x7F, 0x9F) ||                 // control characters, C0 and C1
           code == 0xAD || code == 0x61C || code == 0x180E ||  // soft hyphen; direction; nothing
           is_in(0x200B, 0x200F) || is_in(0x2028, 0x202E) ||   // widthless; lines, directions
           is_in(0x2060, 0x206F) || code == 0xFEFF ||          // widthless, isolated directions
           is_in(0xFFF9, 0xFFFB) || is_in(0xE0000, 0xE0FFF));  // annotations; tags
}

std::string in_hexadecimal(std::uint32_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4)
    if (shift < 8 || number >> shift != 0) text += digits[number >> shift & 15];
  return text;
}

// The first character of the text, or its first byte if it is not a character, in printable form.
std::string shown(std::string_view text, Character character) {
  const auto [bytes, code] = character;
  if (bytes == 0) return "\\x" + in_hexadecimal(static_cast<unsigned char>(text[0]));
  if (is_visible(code)) return std::string(text.substr(0, bytes));
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  return code < 0x80 ? "\\x" + in_hexadecimal(code) : "\\u{" + in_hexadecimal(code) + '}';
}

}  // namespace

std::string printable(std::string_view text, std::size_t most_bytes) {
  constexpr std::string_view ellipsis = "...";
  std::string result;
  std::size_t fits = 0;  // bytes of the result that leave room for the ellipsis
  while (!text.empty()) {
    const Character character = first_character(text);
    result += shown(text, character);
    text.remove_prefix(std::max(character.bytes, 1));
    if (result.size() > most_bytes) return result.substr(0, fits).append(ellipsis, 0, most_bytes);
    if (result.size() + ellipsis.size() <= most_bytes) fits = result.size();
  }
  return result;
}

std::string printable_lines(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    result += printable(text.substr(0, end), text.npos);
    if (end < text.size()) result += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

}  // namespace nn
