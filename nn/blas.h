#pragma once

#include <cblas.h>
#include <type_traits>

#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

// The only header that knows which BLAS library is used.
namespace nn::blas {

enum class Transpose { no, yes };

namespace detail {
// One name for both precisions, picked by the type of the pointers.
template <class... Arguments>
requires std::is_same_v<real, float>
void gemm(Arguments... arguments) { cblas_sgemm(arguments...); }
template <class... Arguments>
requires std::is_same_v<real, double>
void gemm(Arguments... arguments) { cblas_dgemm(arguments...); }
}  // namespace detail

// c[m, n] = alpha op(a)[m, k] op(b)[k, n] + beta c, row-major. A leading dimension is the distance
// between the starts of adjacent stored rows.
inline void gemm(Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
                 real alpha, const real* a, index leading_a, const real* b, index leading_b,
                 real beta, real* c, index leading_c) {
  const auto flag = [](Transpose t) { return t == Transpose::yes ? CblasTrans : CblasNoTrans; };
  detail::gemm(CblasRowMajor, flag(transpose_a), flag(transpose_b), static_cast<int>(m),
               static_cast<int>(n), static_cast<int>(k), alpha, a, static_cast<int>(leading_a), b,
               static_cast<int>(leading_b), beta, c, static_cast<int>(leading_c));
}

// The same, with c divided among the threads of a team. The bits are the same for any number of
// threads. The library must use no threads of its own; see reserve().
void gemm(Team& team, Transpose transpose_a, Transpose transpose_b, index m, index n, index k,
          real alpha, const real* a, index leading_a, const real* b, index leading_b, real beta,
          real* c, index leading_c);

// Prepares the library for `callers` concurrent products, each computed on its caller's thread;
// from then on it uses no threads of its own. Reserves a workspace of 134 MB per caller, of which
// only touched pages take up memory. Call it before the first product: OpenBLAS retries forever if
// it runs out of address space. Throws InputError if there is too little.
void reserve(int callers);

// The number of threads the library runs. It starts them before main(), one per core unless this
// environment variable says otherwise.
inline int threads() { return openblas_get_num_threads(); }
inline constexpr const char* threads_variable = "OPENBLAS_NUM_THREADS";

// The kernels OpenBLAS chose for this processor, such as "Haswell".
inline const char* core_name() { return openblas_get_corename(); }

// The kernels that this processor could run, a few times faster, if OpenBLAS does not know it and
// therefore chose those of 2004, "Prescott"; or nullptr. The user may name them in this environment
// variable.
const char* faster_core();
inline constexpr const char* core_variable = "OPENBLAS_CORETYPE";

// The library's version and build options, such as "OpenBLAS 0.3.21 DYNAMIC_ARCH ...".
inline const char* description() { return openblas_get_config(); }

}  // namespace nn::blas
