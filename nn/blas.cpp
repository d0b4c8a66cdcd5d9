#include "nn/blas.h"

#include <algorithm>

namespace nn::blas {

// Kernels may sum up the edges of a product in another way than its middle. So the parts depend on
// the sizes alone, not on who is there to take them.
void gemm(Team& team, Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
          real alpha, const real* a, index leading_a, const real* b, index leading_b, real beta,
          real* c, index leading_c) {
  constexpr index most_parts = 4, narrowest = 144, smallest = index{1} << 21;
  const bool is_wide = n > m;
  const index extent = is_wide ? n : m;
  const index parts =
      std::max<index>(1, std::min({most_parts, extent / narrowest, m * n * k / smallest}));
  team.each(parts, [=](index part) {
    const index begin = extent * part / parts, size = extent * (part + 1) / parts - begin;
    if (is_wide)
      gemm(transpose_a, transpose_b, m, size, k, alpha, a, leading_a,
           b + begin * (transpose_b == yes ? leading_b : 1), leading_b, beta, c + begin, leading_c);
    else
      gemm(transpose_a, transpose_b, size, n, k, alpha,
           a + begin * (transpose_a == yes ? 1 : leading_a), leading_a, b, leading_b, beta,
           c + begin * leading_c, leading_c);
  });
}

}  // namespace nn::blas
