#pragma once

#include "nn/blas.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

using blas::Transpose;

// c[m, n] = alpha op(a)[m, k] op(b)[k, n] + beta c, like blas::gemm(), in any precision. If that is
// not Precision::full, beta must be 0 or 1.
void gemm(Precision precision, Transpose transpose_a, Transpose transpose_b, index m, index n,
          index k, real alpha, const real* a, index leading_a, const real* b, index leading_b,
          real beta, real* c, index leading_c);

// The same, with c divided among the threads of a team; the same bits for any number.
void gemm(Precision precision, Team& team, Transpose transpose_a, Transpose transpose_b, index m,
          index n, index k, real alpha, const real* a, index leading_a, const real* b,
          index leading_b, real beta, real* c, index leading_c);

}  // namespace nn
