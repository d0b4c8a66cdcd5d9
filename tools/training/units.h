#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace training {

struct Unit {
  std::string_view name;
  double size;
};

struct Amount {
  double number;
  Unit unit;

  double value() const { return number * unit.size; }
};

// Parses a finite number of 0 or more and one of these units: "10us", "4 GB". There may be
// spaces around the number. A unit whose name ends with that of another comes before it.
std::optional<Amount> parse_amount(std::string_view text, std::span<const Unit> units);

}  // namespace training
