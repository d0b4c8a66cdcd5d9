#include "nn/kernels/bf16_small_product.h"

#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "nn/kernels/bf16_products.h"
#include "nn/kernels/small_product.h"
#include "nn/tensor.h"

namespace nn::kernels {

namespace {

constexpr index width = 16;  // of a vector, in pairs or floats

}  // namespace

void pair_rows(const Bf16* from, index rows, index columns, Bf16Pair* pairs) {
  using Codes [[gnu::vector_size(2 * width)]] = Bf16;
  using Pairs [[gnu::vector_size(4 * width)]] = Bf16Pair;
  const auto load = [](const Bf16* at) {
    Codes codes;
    std::memcpy(&codes, at, sizeof codes);
    return __builtin_convertvector(codes, Pairs);
  };
  for (index i = 0; i < rows; i += 2, from += 2 * columns, pairs += columns)
    for (index j = 0; j < columns; j += width) {
      const Pairs both =
          i + 1 < rows ? load(from + j) | load(from + columns + j) << 16 : load(from + j);
      std::memcpy(pairs + j, &both, sizeof both);
    }
}

#ifdef __x86_64__

namespace {

// A block of rows and `vectors` vectors of columns, with all sums in registers.
template <index vectors>
[[gnu::target("avx512f,avx512bf16")]] void multiply_pairs_block(const PairProduct& product,
                                                                const StoredPair* a,
                                                                const StoredPair* b, float* c) {
  const index columns = product.columns, pairs = product.pairs;
  __m512 sum[block_rows][vectors];
#pragma GCC unroll 4
  for (index i = 0; i < block_rows; ++i)
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v)
      sum[i][v] = product.adds ? _mm512_loadu_ps(c + i * columns + v * width) : _mm512_setzero_ps();
  for (index p = 0; p < pairs; ++p) {
    __m512bh right[vectors];
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v)
      right[v] = (__m512bh)_mm512_loadu_si512(b + p * columns + v * width);
#pragma GCC unroll 4
    for (index i = 0; i < block_rows; ++i) {
      const auto left =
          (__m512bh)_mm512_set1_epi32(static_cast<int>(a[i * product.a_row + p * product.a_step]));
#pragma GCC unroll 4
      for (index v = 0; v < vectors; ++v) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], left, right[v]);
    }
  }
#pragma GCC unroll 4
  for (index i = 0; i < block_rows; ++i)
#pragma GCC unroll 4
    for (index v = 0; v < vectors; ++v) _mm512_storeu_ps(c + i * columns + v * width, sum[i][v]);
}

}  // namespace

void multiply_pairs(const PairProduct& product) {
  const auto multiply_strip = [&]<index vectors>(index v) {
    for (index i = 0; i < product.rows; i += block_rows)
      multiply_pairs_block<vectors>(product, product.a + i * product.a_row, product.b + v * width,
                                    product.c + i * product.columns + v * width);
  };
  each_block<4>(product.columns / width, multiply_strip);
}

#else

void multiply_pairs(const PairProduct& product) { multiply_pairs_plain(product); }

#endif

}  // namespace nn::kernels
