#include "pipeline/outer_steps/wire_formats.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "nn/base/named_row.h"

namespace pipeline {

namespace {

using nn::real;

template <class Number>
Number number_at(std::span<const std::byte> bytes, std::size_t place) {
  Number number;
  std::memcpy(&number, bytes.data() + place * sizeof number, sizeof number);
  return number;
}

template <class Number>
void put(std::span<std::byte> bytes, std::size_t place, Number number) {
  std::memcpy(bytes.data() + place * sizeof number, &number, sizeof number);
}

// A format with a code of its own for each number.
template <class Code, Code (*code_of)(float), float (*value_of)(Code)>
struct OneByOne {
  static std::size_t size(std::size_t count) { return count * sizeof(Code); }
  static void encode(std::span<real> values, std::span<std::byte> bytes) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Code code = code_of(static_cast<float>(values[i]));
      put(bytes, i, code);
      values[i] -= value_of(code);
    }
  }
  static void add(std::span<const std::byte> bytes, std::span<real> sums) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += value_of(number_at<Code>(bytes, i));
  }
};

float itself(float value) { return value; }

// Rounds to the nearest half, to even in between.
std::uint16_t half_of(float value) {
  const auto sign = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16 & 0x8000);
  const float size = std::min(std::abs(value), 65504.0F);
  std::uint32_t bits = std::bit_cast<std::uint32_t>(size);
  if (size < 0x1p-14F)  // floats beside 0.5 are as far apart as these halves
    bits = std::bit_cast<std::uint32_t>(size + 0.5F) - std::bit_cast<std::uint32_t>(0.5F);
  else
    bits = (bits - (112U << 23) + 0xFFF + (bits >> 13 & 1)) >> 13;
  return static_cast<std::uint16_t>(sign | bits);
}

float value_of_half(std::uint16_t half) {
  const std::uint32_t bits = half & 0x7FFF;
  const float size = bits < 0x400 ? static_cast<float>(bits) * 0x1p-24F
                                  : std::bit_cast<float>((bits << 13) + (112U << 23));
  return half & 0x8000 ? -size : size;
}

// The scales come first. A scale has 8 digits in binary, so a product with 7 more is exact.
struct Int8 {
  static constexpr std::size_t group = 256;
  using Scale = std::uint16_t;

  static std::size_t groups(std::size_t count) { return (count + group - 1) / group; }
  static std::size_t size(std::size_t count) { return groups(count) * sizeof(Scale) + count; }

  static float value_of(Scale scale) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(scale) << 16);
  }
  static Scale scale_for(std::span<const real> values) {
    float largest = 0;
    for (const real value : values) largest = std::max<float>(largest, std::abs(value));
    const float least = largest / 127;
    if (least < std::numeric_limits<float>::min()) return 0;
    return static_cast<Scale>((std::bit_cast<std::uint32_t>(least) + 0xFFFF) >> 16);
  }

  // Calls visit(number of the group, its first value, its length).
  template <class Visit>
  static void each_group(std::size_t count, Visit visit) {
    for (std::size_t g = 0; g < groups(count); ++g)
      visit(g, g * group, std::min(group, count - g * group));
  }

  static void encode(std::span<real> values, std::span<std::byte> bytes) {
    const auto codes = bytes.subspan(groups(values.size()) * sizeof(Scale));
    each_group(values.size(), [&](std::size_t g, std::size_t first, std::size_t length) {
      const Scale scale = scale_for(values.subspan(first, length));
      put(bytes, g, scale);
      const float unit = value_of(scale);
      for (std::size_t i = first; i < first + length; ++i) {
        const float code = unit > 0 ? std::nearbyint(static_cast<float>(values[i]) / unit) : 0;
        put(codes, i, static_cast<std::int8_t>(code));
        values[i] -= code * unit;
      }
    });
  }

  static void add(std::span<const std::byte> bytes, std::span<real> sums) {
    const auto codes = bytes.subspan(groups(sums.size()) * sizeof(Scale));
    each_group(sums.size(), [&](std::size_t g, std::size_t first, std::size_t length) {
      const float unit = value_of(number_at<Scale>(bytes, g));
      for (std::size_t i = first; i < first + length; ++i)
        sums[i] += static_cast<float>(number_at<std::int8_t>(codes, i)) * unit;
    });
  }
};

template <class Format>
constexpr WireFormat row(std::string_view name) {
  return {name, Format::size, Format::encode, Format::add};
}

}  // namespace

std::span<const WireFormat> wire_format_table() {
  static constexpr std::array table{row<OneByOne<float, itself, itself>>("float"),
                                    row<OneByOne<std::uint16_t, half_of, value_of_half>>("half"),
                                    row<Int8>("int8")};
  return table;
}

const WireFormat& wire_format_named(std::string_view name) {
  return nn::row_named(wire_format_table(), name, "--sync-wire");
}

}  // namespace pipeline
