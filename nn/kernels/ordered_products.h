#pragma once

#include "nn/real.h"
#include "nn/tensor.h"

// The products of a small linear layer, x[n, in] and weight[out, in] to y[n, out], all row-major,
// with sums in the order of PyTorch 2.13 (MKL 2024.2) on an AVX2 processor, found by experiment.
// Where training amplifies rounding errors, this makes two programs comparable; elsewhere
// nn::linear() is quicker. The bits do not depend on the processor or the BLAS library.
//
// A product that has a side of more than 8 adds up its terms one by one with fused roundings, in
// blocks of 128 terms. A narrower one rounds each term before adding it.
namespace nn::kernels {

// Rounded by itself: volatile, because compilers fuse a product with the sum it goes into.
inline real rounded_product(real a, real b) {
  const volatile real rounded = a * b;
  return rounded;
}

// y = x weight^T + bias
void ordered_forward(ConstView x, ConstView weight, ConstView bias, View y);
// dx += dy weight
void ordered_input_gradient(ConstView dy, ConstView weight, View dx);
// dweight += dy^T x
void ordered_weight_gradient(ConstView dy, ConstView x, View dweight);
// dbias += the sum of dy's rows
void ordered_bias_gradient(ConstView dy, View dbias);

}  // namespace nn::kernels
