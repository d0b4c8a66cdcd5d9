#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "nn/real.h"
#include "nn/tensor.h"

// The widest vectors of the target machine, by GCC's vector extensions, which clang supports too.
// The usual operators work on all lanes at once.
namespace nn::kernels {

#ifdef __AVX512F__
constexpr index vector_bytes = 64;
#elif defined __AVX__ || !defined __x86_64__
constexpr index vector_bytes = 32;
#else
constexpr index vector_bytes = 16;
#endif
constexpr index lanes = vector_bytes / sizeof(real);

using Vector [[gnu::vector_size(vector_bytes)]] = real;
using IntVector [[gnu::vector_size(vector_bytes)]] =
    std::conditional_t<sizeof(real) == 4, std::int32_t, std::int64_t>;
using Bytes [[gnu::vector_size(lanes)]] = std::uint8_t;

// A vector at any address. GCC sends some vectors through the stack if std::memcpy() loads them.
using VectorAnywhere
    [[gnu::vector_size(vector_bytes), gnu::aligned(alignof(real)), gnu::may_alias]] = real;

inline Vector load(const real* from) { return *reinterpret_cast<const VectorAnywhere*>(from); }

inline void store(real* to, Vector vector) { *reinterpret_cast<VectorAnywhere*>(to) = vector; }

// A single load: otherwise GCC reads the memory again for every use, which is slower in loops whose
// sums fill the registers.
inline Vector load_once(const real* from) {
  Vector vector = load(from);
#ifdef __x86_64__
  asm("" : "+x"(vector));
#endif
  return vector;
}

// The sum of all lanes: halves are added to each other until one lane is left.
template <index half, std::size_t... lane>
real folded(Vector vector, std::index_sequence<lane...> all) {
  vector += __builtin_shufflevector(vector, vector, (lane ^ half)...);
  if constexpr (half > 1)
    return folded<half / 2>(vector, all);
  else
    return vector[0];
}
inline real sum_of(Vector vector) {
  return folded<lanes / 2>(vector, std::make_index_sequence<lanes>());
}

// One step of a recursive transposition: swaps the two off-diagonal quarters of every square of
// 2 half x 2 half elements.
template <index half, class V, std::size_t... lane>
[[gnu::always_inline]] inline void exchange_quarters(V (&rows)[sizeof...(lane)],
                                                     std::index_sequence<lane...> all) {
  constexpr index size = sizeof...(lane);
#pragma GCC unroll 16
  for (index i = 0; i < size; ++i) {
    if (i & half) continue;
    const V a = rows[i], b = rows[i + half];
    rows[i] = __builtin_shufflevector(a, b, (lane & half ? size + lane - half : lane)...);
    rows[i + half] = __builtin_shufflevector(a, b, (lane & half ? size + lane : lane + half)...);
  }
  if constexpr (half > 1) exchange_quarters<half / 2>(rows, all);
}

// to[columns, rows] = (or +=) the transpose of from[rows, columns].
template <bool adds = false>
void transpose(const real* from, index rows, index columns, real* to) {
  const auto put_one = [&](index i, index j) {
    real& target = to[j * rows + i];
    target = from[i * columns + j] + (adds ? target : 0);
  };
  const auto put_square = [&](index i, index j) {
    Vector square[lanes];
#pragma GCC unroll 16
    for (index k = 0; k < lanes; ++k) square[k] = load(from + (i + k) * columns + j);
    exchange_quarters<lanes / 2>(square, std::make_index_sequence<lanes>());
#pragma GCC unroll 16
    for (index k = 0; k < lanes; ++k) {
      real* target = to + (j + k) * rows + i;
      store(target, adds ? load(target) + square[k] : square[k]);
    }
  };
  const index whole_rows = rows / lanes * lanes, whole_columns = columns / lanes * lanes;
  // Along the longer side: then whole lines are read, or written, from one end to the other.
  if (rows < columns)
    for (index i = 0; i < whole_rows; i += lanes)
      for (index j = 0; j < whole_columns; j += lanes) put_square(i, j);
  else
    for (index j = 0; j < whole_columns; j += lanes)
      for (index i = 0; i < whole_rows; i += lanes) put_square(i, j);
  for (index i = 0; i < whole_rows; ++i)
    for (index j = whole_columns; j < columns; ++j) put_one(i, j);
  for (index i = whole_rows; i < rows; ++i)
    for (index j = 0; j < columns; ++j) put_one(i, j);
}

}  // namespace nn::kernels
