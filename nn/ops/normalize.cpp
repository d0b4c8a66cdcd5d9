#include <cmath>

#include "nn/base/error.h"
#include "nn/kernels/vector_math.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

// For rows of a few hundred numbers. Fewer rows are not worth waking a thread for.
constexpr index rows_of_a_thread = 32;
// A cache line of each row.
constexpr index columns_of_a_thread = 16;

// With m and s the mean and the standard deviation of a row x[d]:
// y[n, d] = (x - m) / s weight[d] + bias[d]
Var layer_norm(Var x, Var weight, Var bias, real epsilon) {
  const index n = x.shape().rows(), d = x.shape().columns();
  require(weight.shape() == Shape{d} && bias.shape() == Shape{d}, "layer_norm: input ", x.shape(),
          " does not fit weight ", weight.shape(), " and bias ", bias.shape());
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result("layer_norm", x.shape(), x, weight, bias);
  real* normal = tape.arena().allocate_array<real>(n * d).data();  // (x - m) / s
  real* inverse = tape.arena().allocate_array<real>(n).data();     // 1 / s
  team.split(n, rows_of_a_thread,
             [=, x = x.value(), weight = weight.value(), bias = bias.value(),
              out = tape.writable(y)](index begin, index end) {
               for (index i = begin; i < end; ++i) {
                 const real* row = x.data + i * d;
                 real* unit = normal + i * d;
                 const real mean = kernels::sum(row, d) / static_cast<real>(d);
                 const real squares =
                     kernels::sum_of(d, [=](index j) { return (row[j] - mean) * (row[j] - mean); });
                 inverse[i] = 1 / std::sqrt(squares / static_cast<real>(d) + epsilon);
                 for (index j = 0; j < d; ++j) {
                   unit[j] = (row[j] - mean) * inverse[i];
                   out.data[i * d + j] = unit[j] * weight.data[j] + bias.data[j];
                 }
               }
             });
  y.backward_to(x, reads(weight), [=, &team](ConstView dy, View dx, ConstView weight) {
    team.split(n, rows_of_a_thread, [=](index begin, index end) {
      for (index i = begin; i < end; ++i) {
        const real *gradient = dy.data + i * d, *unit = normal + i * d;
        const auto scaled = [=](index j) { return gradient[j] * weight.data[j]; };
        const real mean = kernels::sum_of(d, scaled) / static_cast<real>(d);
        const real along =
            kernels::sum_of(d, [=](index j) { return scaled(j) * unit[j]; }) / static_cast<real>(d);
        for (index j = 0; j < d; ++j)
          dx.data[i * d + j] += inverse[i] * (scaled(j) - mean - unit[j] * along);
      }
    });
  });
  y.backward_to(weight, [=, &team](ConstView dy, View dweight) {
    team.split(d, columns_of_a_thread, [=](index begin, index end) {
      for (index i = 0; i < n; ++i)
        for (index j = begin; j < end; ++j)
          dweight.data[j] += dy.data[i * d + j] * normal[i * d + j];
    });
  });
  y.backward_to(bias, [=, &team](ConstView dy, View dbias) {
    team.split(d, columns_of_a_thread, [=](index begin, index end) {
      for (index i = 0; i < n; ++i)
        for (index j = begin; j < end; ++j) dbias.data[j] += dy.data[i * d + j];
    });
  });
  return y;
}

// With r the root of the mean square of a row x[d]: y[n, d] = x / r weight[d]
Var rms_norm(Var x, Var weight, real epsilon) {
  const index n = x.shape().rows(), d = x.shape().columns();
  require(weight.shape() == Shape{d}, "rms_norm: input ", x.shape(), " does not fit weight ",
          weight.shape());
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result("rms_norm", x.shape(), x, weight);
  real* out = tape.writable(y).data;
  real* inverse = tape.arena().allocate_array<real>(n).data();  // 1 / r
  team.split(
      n, rows_of_a_thread, [=, x = x.value(), weight = weight.value()](index begin, index end) {
        for (index i = begin; i < end; ++i) {
          const real* row = x.data + i * d;
          const real squares = kernels::sum_of(d, [row](index j) { return row[j] * row[j]; });
          inverse[i] = 1 / std::sqrt(squares / static_cast<real>(d) + epsilon);
          for (index j = 0; j < d; ++j) out[i * d + j] = row[j] * inverse[i] * weight.data[j];
        }
      });
  y.backward_to(
      x, reads(x, weight), [=, &team](ConstView dy, View dx, ConstView x, ConstView weight) {
        team.split(n, rows_of_a_thread, [=](index begin, index end) {
          for (index i = begin; i < end; ++i) {
            const real *gradient = dy.data + i * d, *row = x.data + i * d;
            // The component of dy weight along x.
            const real along =
                inverse[i] * inverse[i] / static_cast<real>(d) *
                kernels::sum_of(d, [=](index j) { return gradient[j] * weight.data[j] * row[j]; });
            for (index j = 0; j < d; ++j)
              dx.data[i * d + j] += inverse[i] * (gradient[j] * weight.data[j] - row[j] * along);
          }
        });
      });
  y.backward_to(weight, reads(x), [=, &team](ConstView dy, View dweight, ConstView x) {
    team.split(d, columns_of_a_thread, [=](index begin, index end) {
      for (index i = 0; i < n; ++i)
        for (index j = begin; j < end; ++j)
          dweight.data[j] += dy.data[i * d + j] * x.data[i * d + j] * inverse[i];
    });
  });
  return y;
}

}  // namespace nn
