#include "nn/base/utf8.h"

#include "nn/base/error.h"

namespace nn {

int utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned char { return i < text.size() ? text[i] : 0; };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  if (text.empty()) return 0;
  const unsigned char first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !continues(1)) return 0;
  if (first < 0xE0) return 2;
  if (!continues(2)) return 0;
  if (first < 0xF0) {
    const bool is_overlong = first == 0xE0 && second < 0xA0;
    const bool is_surrogate = first == 0xED && second >= 0xA0;
    return is_overlong || is_surrogate ? 0 : 3;
  }
  const bool is_overlong = first == 0xF0 && second < 0x90;
  const bool is_too_large = first == 0xF4 && second >= 0x90;
  return is_overlong || is_too_large || !continues(3) ? 0 : 4;
}

std::uint32_t code_point(std::string_view text) {
  const int length = utf8_length(text);
  require(length > 0, "code_point: the text does not start with a character");
  const auto byte = [&](int i) -> std::uint32_t { return static_cast<unsigned char>(text[i]); };
  if (length == 1) return byte(0);
  std::uint32_t code = byte(0) & (0xFFu >> (length + 1));
  for (int i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3F);
  return code;
}

std::string to_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const int length = utf8_length(text);
    result += length > 0 ? text.substr(0, length) : replacement_character;
    text.remove_prefix(length > 0 ? length : 1);
  }
  return result;
}

}  // namespace nn
