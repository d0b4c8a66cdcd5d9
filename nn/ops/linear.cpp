#include <algorithm>

#include "nn/base/error.h"
#include "nn/kernels/few_rows.h"
#include "nn/ops.h"
#include "nn/products.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// y[n, out] = x[n, in] W[in, out] + bias[out], where `weight` holds W or its transpose.
Var affine(const char* op, Var x, Var weight, Transpose transposed, Var bias) {
  const bool is_transposed = transposed == Transpose::yes;
  const index n = x.shape().rows(), in = x.shape().columns();
  const index out = is_transposed ? weight.shape()[0] : weight.shape().columns();
  require(
      x.shape().rank() > 0 && weight.shape() == (is_transposed ? Shape{out, in} : Shape{in, out}),
      op, ": input ", x.shape(), " does not fit weight ", weight.shape());
  const bool has_bias = bias.has_value();
  if (has_bias)
    require(bias.shape() == Shape{out}, op, ": bias ", bias.shape(), " does not fit weight ",
            weight.shape());

  Team& team = x.tape().team();
  const Precision precision = x.tape().precision();
  Var y = x.tape().result(op, x.shape().with_columns(out), x, weight, bias);
  const View rows = x.tape().writable(y);
  const index stride = weight.shape().columns();
  const bool is_small =
      precision == Precision::full && is_transposed && kernels::has_few_rows(n, in);
  if (is_small) {
    kernels::few_rows_forward(n, in, out, x.value().data, weight.value().data,
                              has_bias ? bias.value().data : nullptr, rows.data, team);
  } else {
    if (has_bias)
      team.split(n, 32, [=, bias = bias.value()](index begin, index end) {
        for (index i = begin; i < end; ++i) std::ranges::copy(bias, rows.data + i * out);
      });
    gemm(precision, team, Transpose::no, transposed, n, out, in, 1, x.value().data, in,
         weight.value().data, stride, has_bias, rows.data, out);
  }

  y.backward_to(x, reads(weight), [=, &team](ConstView dy, View dx, ConstView weight) {
    if (is_small)
      return kernels::few_rows_input_gradient(n, in, out, dy.data, weight.data, dx.data, team);
    gemm(precision, team, Transpose::no, is_transposed ? Transpose::no : Transpose::yes, n, in, out,
         1, dy.data, out, weight.data, stride, 1, dx.data, in);
  });
  y.backward_to(weight, reads(x), [=, &team](ConstView dy, View dweight, ConstView x) {
    if (is_transposed)
      gemm(precision, team, Transpose::yes, Transpose::no, out, in, n, 1, dy.data, out, x.data, in,
           1, dweight.data, in);
    else
      gemm(precision, team, Transpose::yes, Transpose::no, in, out, n, 1, x.data, in, dy.data, out,
           1, dweight.data, out);
  });
  // Split by columns, for a fixed order of summation; at least a cache line of each row.
  y.backward_to(bias, [=, &team](ConstView dy, View dbias) {
    team.split(out, 64, [=](index begin, index end) {
      for (index i = 0; i < n; ++i)
        for (index j = begin; j < end; ++j) dbias.data[j] += dy.data[i * out + j];
    });
  });
  return y;
}

}  // namespace

Var linear(Var x, Var weight, Var bias) {
  return affine("linear", x, weight, Transpose::yes, bias);
}

Var linear(Var x, Var weight) { return linear(x, weight, Var{}); }

Var matmul(Var a, Var b, Var bias) {
  require(a.shape().rank() == 2 && b.shape().rank() == 2, "matmul: ", a.shape(), " x ", b.shape());
  return affine("matmul", a, b, Transpose::no, bias);
}

Var matmul(Var a, Var b) { return matmul(a, b, Var{}); }

}  // namespace nn
