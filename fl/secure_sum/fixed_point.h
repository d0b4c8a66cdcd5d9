#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "nn/real.h"

namespace fl {

// Numbers as multiples of 2^-32 modulo 2^64, whose sums do not depend on their order. Larger ones
// than 2^20 become that, so that 2047 of them add up without overflow.
inline std::uint64_t to_fixed_point(double value) {
  const double bounded = std::clamp(value, -0x1p20, 0x1p20);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(std::nearbyint(bounded * 0x1p32)));
}

inline double from_fixed_point(std::uint64_t value) {
  return static_cast<double>(static_cast<std::int64_t>(value)) * 0x1p-32;
}

}  // namespace fl
