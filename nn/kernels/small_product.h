#pragma once

#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Products of matrices that are already in the cache and too small to be worth packing, as BLAS
// would. The sums for a few rows and vectors stay in registers while a and b stream past.
namespace nn::kernels {

constexpr index block_rows = 4;
constexpr index block_vectors = vector_bytes == 64 ? 4 : 2;

// Calls use.operator()<size>(first) for blocks that cover 0 .. count - 1: as many as possible of
// size `most`, then smaller powers of 2.
template <index most, class Use>
[[gnu::always_inline]] inline void each_block(index count, Use use, index first = 0) {
  for (; first + most <= count; first += most) use.template operator()<most>(first);
  if constexpr (most > 1) each_block<most / 2>(count, use, first);
}

// c[rows, vectors] = (or +=) sum over k of a[i, k] b[k, v], with all sums in registers.
template <index rows, index vectors, bool adds>
void multiply_block(const real* a, index a_row, index a_column, const real* b, index depth,
                    index columns, real* c) {
  Vector sum[rows][vectors] = {};
  for (index k = 0; k < depth; ++k) {
    Vector right[vectors];
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v) right[v] = load_once(b + k * columns + v * lanes);
#pragma GCC unroll 4
    for (index i = 0; i < rows; ++i)
#pragma GCC unroll 4
      for (index v = 0; v < vectors; ++v) sum[i][v] += right[v] * a[i * a_row + k * a_column];
  }
#pragma GCC unroll 4
  for (index i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v) {
      real* to = c + i * columns + v * lanes;
      store(to, adds ? load(to) + sum[i][v] : sum[i][v]);
    }
}

// c[rows, columns] = (or +=) a[rows, depth] b[depth, columns], where element (i, k) of `a` is at
// i * a_row + k * a_column. Columns fill whole vectors; only those from `first` to before `end` are
// computed.
template <bool adds>
void multiply_vectors(index first, index end, index rows, index columns, index depth, const real* a,
                      index a_row, index a_column, const real* b, real* c) {
  const auto multiply_strip = [&]<index vectors>(index v) {
    each_block<block_rows>(rows, [&]<index height>(index i) {
      multiply_block<height, vectors, adds>(a + i * a_row, a_row, a_column, b + v * lanes, depth,
                                            columns, c + i * columns + v * lanes);
    });
  };
  each_block<block_vectors>(end, multiply_strip, first);
}

// The same for all columns.
template <bool adds>
void multiply(index rows, index columns, index depth, const real* a, index a_row, index a_column,
              const real* b, real* c) {
  multiply_vectors<adds>(0, columns / lanes, rows, columns, depth, a, a_row, a_column, b, c);
}

}  // namespace nn::kernels
