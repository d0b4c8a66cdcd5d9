#include "tools/training/units.h"

#include <cmath>

#include "nn/base/number.h"

namespace training {

namespace {

// At the ends.
std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<Amount> parse_amount(std::string_view text, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    const auto number =
        nn::parse_number<double>(without_spaces(text.substr(0, text.size() - unit.name.size())));
    if (number && std::isfinite(*number) && *number >= 0) return Amount{*number, unit};
  }
  return {};
}

}  // namespace training
