#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
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

// "; did you mean 1000?" for 1e3, where a whole number is expected, or 1.5 for 1,5.
template <class Number>
std::string meant_number(std::string text) {
  std::ranges::replace(text, ',', '.');
  const auto number = nn::parse_number<double>(text);
  if (!number) return "";
  if constexpr (!std::is_integral_v<Number>) return nn::concat("; did you mean ", *number, '?');
  if (*number != std::floor(*number) || std::abs(*number) >= 0x1p53) return "";
  return nn::concat("; did you mean ", static_cast<std::int64_t>(*number), '?');
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
