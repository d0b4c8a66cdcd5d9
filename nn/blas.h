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
// The library must have no threads of its own: see reserve.
void gemm(Team& team, Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
          real alpha, const real* a, index leading_a, const real* b, index leading_b, real beta,
          real* c, index leading_c);

// Gets the library ready for `callers` products at the same time, each on the thread that calls: it
// uses no threads of its own from then on, and takes now the 134 MB that it works in for each
// caller. Of that only what a product touches becomes memory. Call it before the first product:
// without room OpenBLAS would ask the system for ever. Throws InputError if there is no room.
void reserve(int callers);

// How many threads the library has. It starts them before main, one for each core, unless the
// environment's variable says otherwise.
inline int threads() { return openblas_get_num_threads(); }
inline constexpr const char* threads_variable = "OPENBLAS_NUM_THREADS";

// The kernels OpenBLAS chose for this processor, such as "Haswell".
inline const char* core_name() { return openblas_get_corename(); }

// Its version and how it was built, such as "OpenBLAS 0.3.21 DYNAMIC_ARCH ...".
inline const char* description() { return openblas_get_config(); }

}  // namespace nn::blas
