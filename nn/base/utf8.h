#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nn {

struct Character {
  int bytes = 0;
  std::uint32_t code = 0;  // U+0000 to U+10FFFF
};

// The first UTF-8 character of the text, or one of 0 bytes if the text does not start with one.
// Overlong forms, surrogates and code points above U+10FFFF are not characters.
Character first_character(std::string_view text);

// Length in bytes of the first UTF-8 character, or 0 if the text does not start with one.
inline int utf8_length(std::string_view text) { return first_character(text).bytes; }

// U+FFFD, which replaces a byte that is not UTF-8.
constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// The text with such bytes replaced.
std::string to_utf8(std::string_view text);

}  // namespace nn
