#include <algorithm>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/ops.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

using blas::gemm, blas::Transpose;

// y[n, out] = x[n, in] weight[out, in]^T + bias[out]
Var linear(Var x, Var weight, Var bias) {
  const index n = x.shape().rows(), in = x.shape().columns(), out = weight.shape()[0];
  require(x.shape().rank() > 0 && weight.shape() == Shape{out, in}, "linear: input ", x.shape(),
          " does not fit weight ", weight.shape());
  const bool has_bias = bias.has_value();
  if (has_bias)
    require(bias.shape() == Shape{out}, "linear: bias ", bias.shape(), " does not fit weight ",
            weight.shape());

  Team& team = x.tape().team();
  Var y = x.tape().result("linear", x.shape().with_columns(out), x, weight, bias);
  const View rows = x.tape().writable(y);
  if (has_bias)
    for (index i = 0; i < n; ++i) std::ranges::copy(bias.value(), rows.data + i * out);
  gemm(team, Transpose::no, Transpose::yes, n, out, in, 1, x.value().data, in, weight.value().data,
       in, has_bias, rows.data, out);

  y.backward_to(x, reads(weight), [&team, n, in, out](ConstView dy, View dx, ConstView weight) {
    gemm(team, Transpose::no, Transpose::no, n, in, out, 1, dy.data, out, weight.data, in, 1,
         dx.data, in);
  });
  y.backward_to(weight, reads(x), [&team, n, in, out](ConstView dy, View dweight, ConstView x) {
    gemm(team, Transpose::yes, Transpose::no, out, in, n, 1, dy.data, out, x.data, in, 1,
         dweight.data, in);
  });
  y.backward_to(bias, [n, out](ConstView dy, View dbias) {
    for (index i = 0; i < n; ++i)
      for (index j = 0; j < out; ++j) dbias.data[j] += dy.data[i * out + j];
  });
  return y;
}

Var linear(Var x, Var weight) { return linear(x, weight, Var{}); }

// y[m, n] = a[m, k] b[k, n]
Var matmul(Var a, Var b) {
  const index m = a.shape().rows(), k = a.shape().columns(), n = b.shape().columns();
  require(a.shape().rank() == 2 && b.shape() == Shape{k, n}, "matmul: ", a.shape(), " x ",
          b.shape());
  Team& team = a.tape().team();
  Var y = a.tape().result("matmul", {m, n}, a, b);
  gemm(team, Transpose::no, Transpose::no, m, n, k, 1, a.value().data, k, b.value().data, n, 0,
       a.tape().writable(y).data, n);
  y.backward_to(a, reads(b), [&team, m, n, k](ConstView dy, View da, ConstView b) {
    gemm(team, Transpose::no, Transpose::yes, m, k, n, 1, dy.data, n, b.data, n, 1, da.data, k);
  });
  y.backward_to(b, reads(a), [&team, m, n, k](ConstView dy, View db, ConstView a) {
    gemm(team, Transpose::yes, Transpose::no, k, n, m, 1, a.data, k, dy.data, n, 1, db.data, n);
  });
  return y;
}

}  // namespace nn
