#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "nn/real.h"
#include "nn/tensor.h"

// Functions and sums that compilers vectorise when used in a loop.
namespace nn::kernels {

inline double exponential(double x) { return std::exp(x); }

// e^x within 2 units in the last place; 0 below -87.3, infinity above 88.7, NaN for NaN.
// x = n ln 2 + r with |r| <= ln 2 / 2, with ln 2 in two parts so that r is exact; then e^r by a
// polynomial (Moshier's, Cephes) and 2^n by writing n into the exponent.
constexpr float exponential(float x) {
  constexpr float log2_e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float clamped = x > 88.7f ? 88.7f : x >= -87.3f ? x : -87.3f;  // not NaN
  const float shifted = clamped * log2_e + shift;
  const float n = shifted - shift;
  const float r = clamped - n * ln2_high - n * ln2_low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e_r = p * r * r + r + 1;
  // In two steps: 2^128 is not representable as a float.
  const auto whole = static_cast<std::int32_t>(n);
  const std::int32_t half = whole >> 1;
  const float scale = std::bit_cast<float>((half + 127) << 23);
  const float rest = std::bit_cast<float>((whole - half + 127) << 23);
  const float y = e_r * scale * rest;
  return x < -87.3f ? 0 : x > 88.7f ? INFINITY : x != x ? x : y;
}

// term(0) + ... + term(count - 1), in a fixed number of strands. So vectors can be used, and the
// order of summation does not depend on their width.
template <class Term>
real sum_of(index count, Term term) {
  constexpr index strands = 16;
  real partial[strands] = {};
  index i = 0;
  for (; i + strands <= count; i += strands)
    for (index j = 0; j < strands; ++j) partial[j] += term(i + j);
  real total = 0;
  for (; i < count; ++i) total += term(i);
  for (real strand : partial) total += strand;
  return total;
}

inline real sum(const real* x, index count) {
  return sum_of(count, [x](index i) { return x[i]; });
}

// sums[count] += the sum of each of the planes [count, size]
inline void add_plane_sums(const real* planes, index count, index size, real* sums) {
  for (index i = 0; i < count; ++i) sums[i] += sum(planes + i * size, size);
}

// The largest of x. If there are NaNs, the result may or may not be NaN.
inline real largest(const real* x, index count) {
  constexpr index strands = 16;
  real partial[strands];
  std::fill_n(partial, strands, x[0]);
  index i = 0;
  for (; i + strands <= count; i += strands)
    for (index j = 0; j < strands; ++j) partial[j] = x[i + j] > partial[j] ? x[i + j] : partial[j];
  for (; i < count; ++i) partial[0] = std::max(partial[0], x[i]);
  return *std::max_element(partial, partial + strands);
}

}  // namespace nn::kernels
