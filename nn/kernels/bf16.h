#pragma once

#include <bit>
#include <cstdint>

// bfloat16 is the upper half of a float: the same exponent, 8 bits of precision instead of 24.
namespace nn::kernels {

using Bf16 = std::uint16_t;
// Two adjacent numbers along the depth of a product: the one at an even place in the lower half.
using Bf16Pair = std::uint32_t;
// The same where the two may have been stored one by one.
using StoredPair [[gnu::may_alias]] = Bf16Pair;

// The bits of a float, or of many, with the nearest bfloat16 in their upper half; ties go to even.
// The lower half is undefined. A NaN stays one.
template <class Bits>
Bits rounded_to_bf16(Bits x) {
  const Bits up = x + 0x7fff + (x >> 16 & 1);
  return (x & 0x7fffffff) > 0x7f800000 ? x | 0x400000 : up;
}

// The bits of a float, or of many, with 0 of the same sign for numbers below the smallest normal
// one, as the processor's bfloat16 products take them.
template <class Bits>
Bits flushed(Bits x) {
  return (x & 0x7fffffff) < 0x800000 ? x & 0x80000000 : x;
}
inline float flushed(float x) {
  return std::bit_cast<float>(flushed(std::bit_cast<std::uint32_t>(x)));
}

inline std::uint16_t bf16_of(float x) {
  return static_cast<std::uint16_t>(rounded_to_bf16(std::bit_cast<std::uint32_t>(x)) >> 16);
}

inline float value_of_bf16(std::uint16_t code) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(code) << 16);
}

}  // namespace nn::kernels
