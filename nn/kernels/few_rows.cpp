#include "nn/kernels/few_rows.h"

#include "nn/kernels/small_product.h"
#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn::kernels {

namespace {

// y[rows, outputs] = x weight^T + bias: dot products of rows, with all sums in registers.
template <index rows, index outputs>
void compute_dots(index in, index out, const real* x, const real* weight, const real* bias,
                  real* y) {
  Vector sum[rows][outputs] = {};
  for (index k = 0; k < in; k += lanes) {
    Vector right[outputs];
    for (index j = 0; j < outputs; ++j) right[j] = load_once(weight + j * in + k);
    for (index i = 0; i < rows; ++i) {
      const Vector left = load_once(x + i * in + k);
      for (index j = 0; j < outputs; ++j) sum[i][j] += left * right[j];
    }
  }
  for (index i = 0; i < rows; ++i)
    for (index j = 0; j < outputs; ++j) y[i * out + j] = sum_of(sum[i][j]) + (bias ? bias[j] : 0);
}

}  // namespace

void few_rows_forward(index n, index in, index out, const real* x, const real* weight,
                      const real* bias, real* y, Team& team) {
  constexpr index outputs_of_a_thread = 64;
  team.split(out, outputs_of_a_thread, [=](index begin, index end) {
    each_block<block_vectors>(end - begin, [=]<index outputs>(index at) {
      const index j = begin + at;
      each_block<block_rows>(n, [=]<index rows>(index i) {
        compute_dots<rows, outputs>(in, out, x + i * in, weight + j * in, bias ? bias + j : nullptr,
                                    y + i * out + j);
      });
    });
  });
}

void few_rows_input_gradient(index n, index in, index out, const real* dy, const real* weight,
                             real* dx, Team& team) {
  team.split(in / lanes, block_vectors, [=](index begin, index end) {
    multiply_vectors<true>(begin, end, n, in, out, dy, out, 1, weight, dx);
  });
}

}  // namespace nn::kernels
