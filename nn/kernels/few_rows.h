#pragma once

#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

// Products of a linear layer for few rows, such as a batch of ten: x[n, in], weight[out, in] and
// y[n, out], all row-major. BLAS would copy the weight into another order first; for ten rows, that
// takes as long as the product. The order of each number's sum does not depend on the team.
namespace nn::kernels {

// Up to so many rows these products are faster than BLAS.
constexpr index most_few_rows = vector_bytes == 64 ? 96 : 16;

// Rows of x have to fill whole vectors.
inline bool has_few_rows(index n, index in) { return n <= most_few_rows && in % lanes == 0; }

// y = x weight^T + bias, which may be null
void few_rows_forward(index n, index in, index out, const real* x, const real* weight,
                      const real* bias, real* y, Team& team);
// dx += dy weight
void few_rows_input_gradient(index n, index in, index out, const real* dy, const real* weight,
                             real* dx, Team& team);

}  // namespace nn::kernels
