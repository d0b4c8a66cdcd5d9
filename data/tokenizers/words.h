#pragma once

#include <string_view>

namespace data {

// Length in bytes of the first word of a text, which must not be empty. GPT-2 merges bytes only
// within words, which are the matches of this pattern (Radford et al. 2019, encoder.py):
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// A byte that is not UTF-8 counts as [^\s\p{L}\p{N}].
std::size_t first_word(std::string_view text);

}  // namespace data
