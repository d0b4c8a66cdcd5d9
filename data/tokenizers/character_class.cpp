#include "data/tokenizers/character_class.h"

#include <algorithm>
#include <array>
#include <span>

#include "data/tokenizers/unicode_ranges.h"

namespace data {
namespace {

constexpr bool is_in(std::span<const std::uint32_t> ranges, std::uint32_t code_point) {
  return (std::ranges::upper_bound(ranges, code_point) - ranges.begin()) % 2 == 1;
}

constexpr CharacterClass look_up(std::uint32_t code_point) {
  if (is_in(letters, code_point)) return CharacterClass::letter;
  if (is_in(numbers, code_point)) return CharacterClass::number;
  if (is_in(white_spaces, code_point)) return CharacterClass::white_space;
  return CharacterClass::other;
}

constexpr auto ascii = [] {
  std::array<CharacterClass, 128> classes;
  for (std::uint32_t code = 0; code < classes.size(); ++code) classes[code] = look_up(code);
  return classes;
}();

}  // namespace

CharacterClass character_class(std::uint32_t code_point) {
  return code_point < ascii.size() ? ascii[code_point] : look_up(code_point);
}

}  // namespace data
