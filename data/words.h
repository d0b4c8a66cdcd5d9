#pragma once

#include <string_view>

namespace data {

// Length in bytes of the first of the words into which GPT-2 cuts a text before it merges bytes;
// the text must not be empty. A word is what this pattern matches (Radford et al. 2019,
// encoder.py):
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// A byte that is not UTF-8 counts as a character of the last class but one, such as a sign.
std::size_t first_word(std::string_view text);

}  // namespace data
