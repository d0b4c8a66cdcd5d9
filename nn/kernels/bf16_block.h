#pragma once

#include <immintrin.h>

#include "nn/kernels/bf16.h"
#include "nn/tensor.h"

namespace nn::kernels {

// The innermost loop of products in bfloat16: c[rows, 16 vectors] = (or +=) a b, with all sums in
// registers. Pair p of row i of `a` is at a[i * a_row + p * a_step], those of all columns of `b` at
// b + p * b_row; rows of c are c_row apart.
template <index rows, index vectors>
[[gnu::always_inline, gnu::target("avx512f,avx512bf16")]] inline void multiply_bf16_block(
    const StoredPair* a, index a_row, index a_step, const StoredPair* b, index b_row, index pairs,
    bool adds, float* c, index c_row) {
  constexpr index width = 16;
  __m512 sum[rows][vectors];
#pragma GCC unroll 8
  for (index i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v)
      sum[i][v] = adds ? _mm512_loadu_ps(c + i * c_row + v * width) : _mm512_setzero_ps();
  for (index p = 0; p < pairs; ++p) {
    __m512bh right[vectors];
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v)
      right[v] = (__m512bh)_mm512_loadu_si512(b + p * b_row + v * width);
#pragma GCC unroll 8
    for (index i = 0; i < rows; ++i) {
      const auto left = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[i * a_row + p * a_step]));
#pragma GCC unroll 4
      for (index v = 0; v < vectors; ++v) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], left, right[v]);
    }
  }
#pragma GCC unroll 8
  for (index i = 0; i < rows; ++i)
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v) _mm512_storeu_ps(c + i * c_row + v * width, sum[i][v]);
}

}  // namespace nn::kernels
