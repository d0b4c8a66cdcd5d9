#pragma once

#include <cblas.h>

#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

// The only header that knows which BLAS we use.
namespace nn::blas {

enum Transpose { no, yes };

namespace detail {
// One name for both precisions, picked by the type of the pointers.
template <class... Arguments>
requires std::is_same_v<real, float>
void gemm(Arguments... arguments) { cblas_sgemm(arguments...); }
template <class... Arguments>
requires std::is_same_v<real, double>
void gemm(Arguments... arguments) { cblas_dgemm(arguments...); }
}  // namespace detail

// c[m, n] = alpha op(a)[m, k] op(b)[k, n] + beta c, row-major; a leading dimension is the distance
// between the starts of two stored rows.
inline void gemm(Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
                 real alpha, const real* a, index leading_a, const real* b, index leading_b,
                 real beta, real* c, index leading_c) {
  const auto flag = [](Transpose t) { return t == yes ? CblasTrans : CblasNoTrans; };
  detail::gemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), static_cast<int>(m),
               static_cast<int>(n), static_cast<int>(k), alpha, a, static_cast<int>(leading_a), b,
               static_cast<int>(leading_b), beta, c, static_cast<int>(leading_c));
}

// The same, c cut into parts for the threads of a team, with the same bits for any number of them.
// The library must be set to one thread.
void gemm(Team& team, Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
          real alpha, const real* a, index leading_a, const real* b, index leading_b, real beta,
          real* c, index leading_c);

// For the whole process. Programs set it to 1 before they start workers of their own.
inline void set_threads(int count) { openblas_set_num_threads(count); }

// The kernels OpenBLAS chose for this processor, such as "Haswell".
inline const char* core_name() { return openblas_get_corename(); }

// Its version and how it was built, such as "OpenBLAS 0.3.21 DYNAMIC_ARCH ...".
inline const char* description() { return openblas_get_config(); }

}  // namespace nn::blas
