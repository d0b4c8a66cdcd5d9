#include "nn/blas.h"

namespace nn::blas {

// How an element is summed up depends on k alone, as long as the library takes its kernel for large
// matrices: strips are never so small that it would take another, and their edges are where its
// tiles have theirs.
void gemm(Team& team, Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
          real alpha, const real* a, index leading_a, const real* b, index leading_b, real beta,
          real* c, index leading_c) {
  constexpr index strip = 48, smallest = index{1} << 21;
  const bool has_tall_strips = n > m;
  const index extent = has_tall_strips ? n : m;
  const index products = std::max<index>(1, strip * (has_tall_strips ? m : n) * k);
  const index strips = extent / strip;
  team.split(strips, (smallest + products - 1) / products, [=](index first, index last) {
    const index begin = first * strip, size = (last == strips ? extent : last * strip) - begin;
    if (has_tall_strips)
      gemm(transpose_a, transpose_b, m, size, k, alpha, a, leading_a,
           b + begin * (transpose_b == yes ? leading_b : 1), leading_b, beta, c + begin, leading_c);
    else
      gemm(transpose_a, transpose_b, size, n, k, alpha,
           a + begin * (transpose_a == yes ? 1 : leading_a), leading_a, b, leading_b, beta,
           c + begin * leading_c, leading_c);
  });
}

}  // namespace nn::blas
