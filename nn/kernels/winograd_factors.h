#pragma once

#include <algorithm>

#include "nn/arena.h"
#include "nn/kernels/bf16_small_product.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/small_product.h"
#include "nn/kernels/vector.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "nn/tensor.h"

// How the factors of Winograd's products are stored and multiplied: as they are, or in bfloat16.
namespace nn::kernels::winograd {

struct RealFactors {
  using Number = real;

  RealFactors(const Convolution&, index /*tiles*/, Scratch&) {}

  static bool fit(const Convolution& conv) {
    constexpr index unit = std::max(lanes, block_rows);
    return conv.channels % unit == 0 && conv.out % unit == 0;
  }
  static void put(Number* to, Vector numbers) { store(to, numbers); }
  // Numbers (k, j), (k, j + 1) and so on of a matrix that is to stand on the right of multiply().
  static void put_right(Number* matrix, index k, index j, index columns, Vector numbers) {
    store(matrix + k * columns + j, numbers);
  }

  // c[rows, columns] = a[rows, depth] b[depth, columns]
  static void multiply(index rows, index columns, index depth, const Number* a, const Number* b,
                       real* c) {
    kernels::multiply<false>(rows, columns, depth, a, depth, 1, b, c);
  }
  // c[rows, columns] += a[tiles, rows]^T b[tiles, columns]
  static void multiply_tiles(index rows, index columns, index tiles, const Number* a,
                             const Number* b, real* c) {
    kernels::multiply<true>(rows, columns, tiles, a, 1, rows, b, c);
  }
};

// Rounded once, as they are stored. Products take them in pairs along their depth: two channels, or
// two tiles.
class Bf16Factors {
 public:
  using Number = Bf16;

  Bf16Factors(const Convolution& conv, index tiles, Scratch& scratch)
      : multiply_(conv.precision == Precision::bf16 ? multiply_pairs : multiply_pairs_plain),
        a_pairs_(scratch.array<Bf16Pair>((tiles + 1) / 2 * conv.channels)),
        b_pairs_(scratch.array<Bf16Pair>((tiles + 1) / 2 * conv.out)) {}

  static bool fit(const Convolution& conv) {
    return conv.precision != Precision::full && conv.channels % 16 == 0 && conv.out % 16 == 0;
  }
  template <class Floats>
  static void put(Number* to, Floats numbers) {
    store_rounded(to, numbers);
  }
  template <class Floats>
  static void put_right(Number* matrix, index k, index j, index columns, Floats numbers) {
    Number rounded[lanes];
    put(rounded, numbers);
    for (index lane = 0; lane < lanes; ++lane)
      matrix[(k / 2 * columns + j + lane) * 2 + k % 2] = rounded[lane];
  }

  void multiply(index rows, index columns, index depth, const Number* a, const Number* b,
                float* c) const {
    multiply_({rows, columns, depth / 2, pairs_of(a), depth / 2, 1, pairs_of(b), false, c});
  }
  void multiply_tiles(index rows, index columns, index tiles, const Number* a, const Number* b,
                      float* c) const {
    pair_rows(a, tiles, rows, a_pairs_);
    pair_rows(b, tiles, columns, b_pairs_);
    multiply_({rows, columns, (tiles + 1) / 2, a_pairs_, 1, rows, b_pairs_, true, c});
  }

 private:
  static const StoredPair* pairs_of(const Number* numbers) {
    return reinterpret_cast<const StoredPair*>(numbers);
  }

  void (*multiply_)(const PairProduct&);
  Bf16Pair *a_pairs_, *b_pairs_;
};

}  // namespace nn::kernels::winograd
