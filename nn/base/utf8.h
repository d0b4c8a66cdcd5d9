#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nn {

// How many bytes the UTF-8 character has that the text starts with; 0 if it starts with none.
// Overlong forms, surrogates and what lies above U+10FFFF are no characters.
int utf8_length(std::string_view text);

// The number of the UTF-8 character that the text starts with. Throws Error if it starts with none.
std::uint32_t code_point(std::string_view text);

// U+FFFD, which stands for a byte that is not UTF-8.
constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

// The text with such bytes replaced.
std::string to_utf8(std::string_view text);

}  // namespace nn
