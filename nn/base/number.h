#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace nn {

// The number that the whole text is, without spaces or a plus; nothing if it is none, or out of
// range. The base is that of whole numbers.
template <class Number>
std::optional<Number> parse_number(std::string_view text, [[maybe_unused]] int base = 10) {
  Number number{};
  const char *const first = text.data(), *const last = first + text.size();
  std::from_chars_result result;
  if constexpr (std::is_integral_v<Number>)
    result = std::from_chars(first, last, number, base);
  else
    result = std::from_chars(first, last, number);
  if (result.ec != std::errc() || result.ptr != last) return {};
  return number;
}

}  // namespace nn
