#pragma once

#include <cmath>
#include <cstdint>

#include "nn/real.h"

namespace fl {

// Numbers as multiples of 2^-32 modulo 2^64, whose sums do not depend on their order. They are at
// most 2^20, so that 2047 of them add up without overflow.
inline bool fits_fixed_point(double value) { return std::abs(value) <= 0x1p20; }

inline std::uint64_t to_fixed_point(double value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(std::nearbyint(value * 0x1p32)));
}

inline double from_fixed_point(std::uint64_t value) {
  return static_cast<double>(static_cast<std::int64_t>(value)) * 0x1p-32;
}

}  // namespace fl
