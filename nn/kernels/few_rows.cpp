#include "nn/kernels/few_rows.h"

#include <algorithm>

#include "nn/kernels/small_product.h"
#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn::kernels {

namespace {

// y[rows, outputs] += x weight^T: dot products of rows, with all sums in registers.
template <index rows, index outputs>
void add_dots(index terms, index in, index out, const real* x, const real* weight, real* y) {
  Vector sum[rows][outputs] = {};
  for (index k = 0; k < terms; k += lanes) {
    Vector right[outputs];
    for (index j = 0; j < outputs; ++j) right[j] = load_once(weight + j * in + k);
    for (index i = 0; i < rows; ++i) {
      const Vector left = load_once(x + i * in + k);
      for (index j = 0; j < outputs; ++j) sum[i][j] += left * right[j];
    }
  }
  for (index i = 0; i < rows; ++i)
    for (index j = 0; j < outputs; ++j) y[i * out + j] += sum_of(sum[i][j]);
}

}  // namespace

// All rows of x are read for every few outputs, so they should stay in the L2 cache: long rows are
// taken in parts.
void few_rows_forward(index n, index in, index out, const real* x, const real* weight,
                      const real* bias, real* y, Team& team) {
  constexpr index outputs_of_a_thread = 64, most_terms = 2048;
  team.split(out, outputs_of_a_thread, [=](index begin, index end) {
    for (index i = 0; i < n; ++i)
      for (index j = begin; j < end; ++j) y[i * out + j] = bias ? bias[j] : 0;
    for (index k = 0; k < in; k += most_terms)
      each_block<block_vectors>(end - begin, [=]<index outputs>(index at) {
        const index j = begin + at;
        each_block<block_rows>(n, [=]<index rows>(index i) {
          add_dots<rows, outputs>(std::min(most_terms, in - k), in, out, x + i * in + k,
                                  weight + j * in + k, y + i * out + j);
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
