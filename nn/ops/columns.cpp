#include <algorithm>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// y[n, count] = x[n, first .. first + count - 1]
Var columns(Var x, index first, index count) {
  const index n = x.shape().rows(), width = x.shape().columns();
  require(x.shape().rank() == 2 && first >= 0 && count > 0 && first + count <= width,
          "columns: ", x.shape(), " does not have ", count, " columns from ", first);
  Var y = x.tape().result("columns", {n, count}, x);
  real* out = x.tape().writable(y).data;
  for (index i = 0; i < n; ++i) out = std::copy_n(x.value().data + i * width + first, count, out);
  y.backward_to(x, [n, width, first, count](ConstView dy, View dx) {
    for (index i = 0; i < n; ++i)
      for (index j = 0; j < count; ++j) dx.data[i * width + first + j] += dy.data[i * count + j];
  });
  return y;
}

}  // namespace nn
