#include "nn/products.h"

#include <algorithm>
#include <array>
#include <type_traits>

#include "nn/base/error.h"
#include "nn/base/named_row.h"
#include "nn/kernels/bf16_products.h"

namespace nn {

namespace {

using kernels::Bf16Operand;

struct Bf16Product {
  index m, n, k;
  Bf16Operand a, b;
  bool adds;
  float* c;
  index leading;

  // Rows i of `down` parts and columns j of `across`.
  Bf16Product part(index i, index down, index j, index across) const {
    const index top = m * i / down, bottom = m * (i + 1) / down;
    const index left = n * j / across, right = n * (j + 1) / across;
    return {
        bottom - top, right - left, k, a.at(top, 0), b.at(left, 0), adds, c + top * leading + left,
        leading};
  }

  void compute(Precision precision) const {
    const auto multiply =
        precision == Precision::bf16 ? kernels::multiply_bf16 : kernels::multiply_bf16_plain;
    multiply(m, n, k, a, b, adds, c, leading);
  }
};

template <class T>
requires std::is_same_v<T, float>
Bf16Product bf16_product(Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
                         T alpha, const T* a, index leading_a, const T* b, index leading_b, T beta,
                         T* c, index leading_c) {
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

// precision_named() refuses bfloat16 where numbers are double.
template <class... Arguments>
Bf16Product bf16_product(Arguments...) {
  throw Error("gemm: bfloat16 needs an engine in float");
}

}  // namespace

std::span<const PrecisionName> precision_table() {
  static constexpr std::array table{PrecisionName{"float", Precision::full},
                                    PrecisionName{"bf16", Precision::bf16},
                                    PrecisionName{"bf16-plain", Precision::bf16_plain}};
  return table;
}

Precision precision_named(std::string_view name) {
  const Precision precision = row_named(precision_table(), name, "--precision").precision;
  demand(precision == Precision::full || sizeof(real) == sizeof(float),
         "this engine computes in double", "leave --precision out");
  demand(precision != Precision::bf16 || kernels::has_bf16(),
         "this processor has no instructions for bfloat16 (AVX512_BF16)",
         "leave --precision out, or choose bf16-plain: the same numbers, slowly");
  return precision;
}

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

// The longer side of c is cut first, as every part packs all of the other one.
void gemm(Precision precision, Team& team, Transpose transpose_a, Transpose transpose_b, index m,
          index n, index k, real alpha, const real* a, index leading_a, const real* b,
          index leading_b, real beta, real* c, index leading_c) {
  if (precision == Precision::full)
    return blas::gemm(team, transpose_a, transpose_b, m, n, k, alpha, a, leading_a, b, leading_b,
                      beta, c, leading_c);
  constexpr index shortest = 48;
  const Bf16Product product = bf16_product(transpose_a, transpose_b, m, n, k, alpha, a, leading_a,
                                           b, leading_b, beta, c, leading_c);
  const auto parts = [](index extent, index threads) {
    return std::clamp<index>(extent / shortest, 1, threads);
  };
  const index longer = parts(std::max(m, n), team.threads());
  const index shorter = parts(std::min(m, n), team.threads() / longer);
  const index down = m > n ? longer : shorter, across = m > n ? shorter : longer;
  team.each(down * across, [&](index i) {
    product.part(i / across, down, i % across, across).compute(precision);
  });
}

}  // namespace nn
