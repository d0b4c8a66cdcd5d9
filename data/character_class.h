#pragma once

#include <cstdint>

namespace data {

// What GPT-2's pattern tells apart: \p{L}, \p{N}, \s and the rest, by Unicode 16.0.
enum class CharacterClass : unsigned char { letter, number, white_space, other };

CharacterClass character_class(std::uint32_t code_point);

}  // namespace data
