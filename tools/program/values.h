#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "nn/base/error.h"
#include "nn/base/number.h"

// Values of options as text.
namespace tools {

// Whether the whole text is a value.
template <class Number>
bool read(const std::string& text, Number& value) {
  const auto number = nn::parse_number<Number>(text);
  if (number) value = *number;
  return number.has_value();
}
inline bool read(const std::string& text, std::string& value) { return value = text, true; }
inline bool read(const std::string& text, std::filesystem::path& value) {
  return value = text, true;
}
template <class Value>
bool read(const std::string& text, std::optional<Value>& value) {
  return read(text, value.emplace());
}

// "; did you mean 1000?" for 1e3, where a whole number from `low` to `high` is expected, or 1.5 for
// 1,5. Nothing for texts.
template <class Number>
std::string meant_number(const std::string& given,
                         Number low = std::numeric_limits<Number>::lowest(),
                         Number high = std::numeric_limits<Number>::max()) {
  if constexpr (std::is_arithmetic_v<Number>) {
    std::string meant = given;
    std::ranges::replace(meant, ',', '.');
    const auto number = nn::parse_number<double>(meant);
    if (!number) return "";
    if (std::is_integral_v<Number> && std::abs(*number) < 0x1p53)
      meant = nn::concat(static_cast<std::int64_t>(*number));
    const auto value = nn::parse_number<Number>(meant);
    if (value && meant != given && static_cast<double>(*value) == *number && *value >= low &&
        *value <= high)
      return nn::concat("; did you mean ", *value, '?');
  }
  return "";
}

// What --help calls a value, and how it shows one.
template <class Value>
struct Shown {
  static constexpr const char* type = std::is_integral_v<Value> ? "INT" : "FLOAT";
  static std::string of(Value value) { return nn::concat(value); }
};
template <>
struct Shown<std::string> {
  static constexpr const char* type = "TEXT";
  static std::string of(const std::string& value) { return value; }
};
template <>
struct Shown<std::filesystem::path> {
  static constexpr const char* type = "PATH";
  static std::string of(const std::filesystem::path& value) { return value.string(); }
};
template <class Value>
struct Shown<std::optional<Value>> {
  static constexpr const char* type = Shown<Value>::type;
  static std::string of(const std::optional<Value>&) { return ""; }
};

template <class Value>
struct Plain {
  using type = Value;
};
template <class Value>
struct Plain<std::optional<Value>> {
  using type = Value;
};

}  // namespace tools
