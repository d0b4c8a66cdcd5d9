#pragma once

#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Products of matrices that are already in the cache and too small to be worth packing, as BLAS
// would. The sums for a few rows and vectors stay in registers while a and b stream past.
namespace nn::kernels {

constexpr index block_rows = 4;
constexpr index block_vectors = vector_bytes == 64 ? 4 : 2;

// c[4, vectors] = (or +=) sum over k of a[i, k] b[k, v], with all sums in registers.
template <index vectors, bool adds>
void multiply_block(const real* a, index a_row, index a_column, const real* b, index depth,
                    index columns, real* c) {
  Vector sum[block_rows][vectors] = {};
  for (index k = 0; k < depth; ++k) {
    Vector right[vectors];
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v) right[v] = load_once(b + k * columns + v * lanes);
#pragma GCC unroll 4
    for (index i = 0; i < block_rows; ++i)
#pragma GCC unroll 4
      for (index v = 0; v < vectors; ++v) sum[i][v] += right[v] * a[i * a_row + k * a_column];
  }
#pragma GCC unroll 4
  for (index i = 0; i < block_rows; ++i)
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v) {
      real* to = c + i * columns + v * lanes;
      store(to, adds ? load(to) + sum[i][v] : sum[i][v]);
    }
}

// c[rows, columns] = (or +=) a[rows, depth] b[depth, columns], where element (i, k) of `a` is at
// i * a_row + k * a_column. Rows are a multiple of 4, columns fill whole vectors.
template <bool adds>
void multiply(index rows, index columns, index depth, const real* a, index a_row, index a_column,
              const real* b, real* c) {
  const auto strip = [&]<index vectors>(index first) {
    for (index i = 0; i < rows; i += block_rows)
      multiply_block<vectors, adds>(a + i * a_row, a_row, a_column, b + first, depth, columns,
                                    c + i * columns + first);
    return first + vectors * lanes;
  };
  index j = 0;
  while (j + block_vectors * lanes <= columns) j = strip.template operator()<block_vectors>(j);
  while (j + 2 * lanes <= columns) j = strip.template operator()<2>(j);
  if (j < columns) strip.template operator()<1>(j);
}

}  // namespace nn::kernels
