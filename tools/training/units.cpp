#include "tools/training/units.h"

#include <cmath>

#include "nn/base/number.h"

namespace training {

std::optional<Amount> parse_amount(std::string text, std::span<const Unit> units) {
  std::erase(text, ' ');
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    const auto number =
        nn::parse_number<double>(std::string_view(text).substr(0, text.size() - unit.name.size()));
    if (number && std::isfinite(*number) && *number >= 0) return Amount{*number, unit};
  }
  return {};
}

}  // namespace training
