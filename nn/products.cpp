#include "nn/products.h"

#include <algorithm>
#include <type_traits>

#include "nn/base/error.h"
#include "nn/kernels/bf16_products.h"
#include "nn/range.h"

namespace nn {

namespace {

using kernels::Bf16Operand;

struct Bf16Product {
  index m, n, k;
  Bf16Operand a, b;
  bool adds;
  float* c;
  index leading;

  Bf16Product part(Range rows, Range columns) const {
    return {rows.size(),
            columns.size(),
            k,
            a.at(rows.begin, 0),
            b.at(columns.begin, 0),
            adds,
            c + rows.begin * leading + columns.begin,
            leading};
  }

  void compute(Precision precision) const {
    const auto multiply =
        precision == Precision::bf16 ? kernels::multiply_bf16 : kernels::multiply_bf16_plain;
    multiply(m, n, k, a, b, adds, c, leading);
  }
};

template <class T>
requires std::is_same_v<T, float> Bf16Product bf16_product(
    Transpose transpose_a, Transpose transpose_b, index m, index n, index k, T alpha, const T* a,
    index leading_a, const T* b, index leading_b, T beta, T* c, index leading_c) {
  require(beta == 0 || beta == 1, "gemm: beta is ", beta, " in bfloat16");
  const bool is_a_turned = transpose_a == Transpose::yes,
             is_b_turned = transpose_b == Transpose::yes;
  return {m,
          n,
          k,
          {a, is_a_turned ? 1 : leading_a, is_a_turned ? leading_a : 1, alpha},
          {b, is_b_turned ? leading_b : 1, is_b_turned ? 1 : leading_b},
          beta == 1,
          c,
          leading_c};
}

// The parts that threads compute: rows in `down` parts, columns in `across`, each of them whole
// tiles of the kernel.
struct Grid {
  index m, n, down, across;

  Range rows(index i) const { return Range{0, m}.steps(kernels::bf16_tile_rows, i, down); }
  Range columns(index i) const { return Range{0, n}.steps(kernels::bf16_tile_columns, i, across); }

  // Of the largest part, in multiply-adds for each k. Packing a number counts as 16, a rough
  // figure.
  index cost() const {
    constexpr index packing = 16;
    return (rows(down - 1).size() + packing) * (columns(across - 1).size() + packing);
  }
};

// The one whose largest part costs least.
Grid best_grid(index m, index n, index threads) {
  constexpr index shortest = 48;
  Grid best{m, n, 1, 1};
  for (index down = 1; down <= std::clamp<index>(m / shortest, 1, threads); ++down) {
    const Grid grid{m, n, down, std::clamp<index>(n / shortest, 1, threads / down)};
    if (grid.cost() < best.cost()) best = grid;
  }
  return best;
}

// precision_named() refuses bfloat16 where numbers are double.
template <class... Arguments>
Bf16Product bf16_product(Arguments...) {
  throw Error("gemm: bfloat16 needs an engine in float");
}

}  // namespace

void gemm(Precision precision, Transpose transpose_a, Transpose transpose_b, index m, index n,
          index k, real alpha, const real* a, index leading_a, const real* b, index leading_b,
          real beta, real* c, index leading_c) {
  if (precision == Precision::full)
    return blas::gemm(transpose_a, transpose_b, m, n, k, alpha, a, leading_a, b, leading_b, beta, c,
                      leading_c);
  bf16_product(transpose_a, transpose_b, m, n, k, alpha, a, leading_a, b, leading_b, beta, c,
               leading_c)
      .compute(precision);
}

void gemm(Precision precision, Team& team, Transpose transpose_a, Transpose transpose_b, index m,
          index n, index k, real alpha, const real* a, index leading_a, const real* b,
          index leading_b, real beta, real* c, index leading_c) {
  if (precision == Precision::full)
    return blas::gemm(team, transpose_a, transpose_b, m, n, k, alpha, a, leading_a, b, leading_b,
                      beta, c, leading_c);
  const Bf16Product product = bf16_product(transpose_a, transpose_b, m, n, k, alpha, a, leading_a,
                                           b, leading_b, beta, c, leading_c);
  const Grid grid = best_grid(m, n, team.threads());
  team.each(grid.down * grid.across, [&](index i) {
    product.part(grid.rows(i / grid.across), grid.columns(i % grid.across)).compute(precision);
  });
}

}  // namespace nn
