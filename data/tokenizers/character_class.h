#pragma once

#include <cstdint>

namespace data {

// The classes in GPT-2's pattern: \p{L}, \p{N}, \s and the rest, as in Unicode 16.0.
enum class CharacterClass : unsigned char { letter, number, white_space, other };

CharacterClass character_class(std::uint32_t code_point);

}  // namespace data
