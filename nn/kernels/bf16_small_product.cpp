#include "nn/kernels/bf16_small_product.h"

#include <cstring>

#ifdef __x86_64__
#include "nn/kernels/bf16_block.h"
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

template <index vectors>
[[gnu::target("avx512f,avx512bf16")]] void multiply_pairs_block(const PairProduct& product,
                                                                const StoredPair* a,
                                                                const StoredPair* b, float* c) {
  multiply_bf16_block<block_rows, vectors>(a, product.a_row, product.a_step, b, product.columns,
                                           product.pairs, product.adds, c, product.columns);
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
