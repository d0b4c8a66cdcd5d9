#pragma once

#include <cstdint>
#include <cstring>

#include "nn/kernels/vector.h"

// A ReLU and max-pooling over 2x2 windows, for as many windows at once as a vector has lanes.
namespace nn::kernels {

inline Vector relu(Vector value) { return value < 0 ? Vector{} : value; }  // NaN stays

// The maximum of the four outputs of a window; argmax[lanes], if not null, says which it is. The
// first of equal maxima wins, and so does NaN, as in max_pool2d().
inline Vector pool(const Vector (&outputs)[4], std::uint8_t* argmax) {
  Vector best = outputs[0];
  IntVector winner = {};
  for (int q = 1; q < 4; ++q) {
    const IntVector is_nan = outputs[q] != outputs[q];  // NOLINT(misc-redundant-expression)
    const IntVector wins = (outputs[q] > best) | is_nan;
    best = wins ? outputs[q] : best;
    winner = wins ? IntVector{} + q : winner;
  }
  const Bytes small = __builtin_convertvector(winner, Bytes);
  if (argmax) std::memcpy(argmax, &small, sizeof small);
  return best;
}

// The reverse: the gradient of output q of the window, which gets it if it has won.
inline Vector unpool(Vector gradient, const std::uint8_t* argmax, int q) {
  Bytes small;
  std::memcpy(&small, argmax, sizeof small);
  return __builtin_convertvector(small, IntVector) == q ? gradient : Vector{};
}

}  // namespace nn::kernels
