#include <algorithm>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

// For rows of a few hundred numbers. Fewer rows are not worth waking a thread for.
constexpr index rows_of_a_thread = 32;

// y[n, count] = x[n, first .. first + count - 1]
Var columns(Var x, index first, index count) {
  const index n = x.shape().rows(), width = x.shape().columns();
  require(x.shape().rank() == 2 && first >= 0 && count > 0 && first + count <= width,
          "columns: ", x.shape(), " does not have ", count, " columns from ", first);
  Team& team = x.tape().team();
  Var y = x.tape().result("columns", {n, count}, x);
  team.split(n, rows_of_a_thread,
             [=, in = x.value(), out = x.tape().writable(y)](index begin, index end) {
               for (index i = begin; i < end; ++i)
                 std::copy_n(in.data + i * width + first, count, out.data + i * count);
             });
  y.backward_to(x, [=, &team](ConstView dy, View dx) {
    team.split(n, rows_of_a_thread, [=](index begin, index end) {
      for (index i = begin; i < end; ++i)
        for (index j = 0; j < count; ++j) dx.data[i * width + first + j] += dy.data[i * count + j];
    });
  });
  return y;
}

}  // namespace nn
