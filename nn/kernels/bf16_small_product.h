#pragma once

#include <cstdint>
#include <cstring>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "nn/kernels/bf16.h"
#include "nn/tensor.h"

// What small_product.h is for float: products of matrices in the cache whose factors are bfloat16
// already, with sums in float. The order of sums and their rounding are those of bf16_products.h.
namespace nn::kernels {

// c[rows, columns] = (or +=) a b. Pair p of row i of `a` is at a[i * a_row + p * a_step], that of
// column j of `b` at b[p * columns + j]. Rows are a multiple of 4, columns of 16; there
// is at least one pair.
struct PairProduct {
  index rows, columns, pairs;
  const StoredPair* a;
  index a_row, a_step;
  const StoredPair* b;
  bool adds;
  float* c;
};

void multiply_pairs(const PairProduct& product);        // needs has_bf16()
void multiply_pairs_plain(const PairProduct& product);  // the same bits on any processor

// pairs[(rows + 1) / 2, columns]: `from`, if the depth runs along its rows. The last of an odd
// number of rows is paired with zeros. Columns are a multiple of 16.
void pair_rows(const Bf16* from, index rows, index columns, Bf16Pair* pairs);

// Stores the nearest bfloat16 of each number of a vector. Ties go to even; numbers below the
// smallest normal float are 0, as products take them.
template <class Floats>
[[gnu::always_inline]] inline void store_rounded(Bf16* to, Floats numbers) {
#ifdef __AVX512BF16__
  if constexpr (sizeof(Floats) == 64) {
    const __m256bh codes = _mm512_cvtneps_pbh(numbers);
    std::memcpy(to, &codes, sizeof codes);
    return;
  }
#endif
  for (index i = 0; i < index(sizeof(Floats) / sizeof(float)); ++i)
    to[i] = bf16_of(flushed(numbers[i]));
}

}  // namespace nn::kernels
