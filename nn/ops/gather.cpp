#include <algorithm>
#include <span>

#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

// y[i, d] = table[ids[i], d]
Var embedding(std::span<const int> ids, Var table) {
  require(table.shape().rank() == 2, "embedding: the table has shape ", table.shape(),
          ", expected [vocabulary, d]");
  const index vocabulary = table.shape()[0], d = table.shape()[1];
  for (int id : ids)
    require(id >= 0 && id < vocabulary, "embedding: id ", id, " is outside the vocabulary of ",
            vocabulary);
  Tape& tape = table.tape();
  const std::span<const int> kept = tape.keep(ids);
  Var y = tape.result("embedding", {static_cast<index>(ids.size()), d}, table);
  Team& team = tape.team();
  real* out = tape.writable(y).data;
  team.split(static_cast<index>(ids.size()), 64, [=, from = table.value()](index begin, index end) {
    for (index i = begin; i < end; ++i) std::copy_n(from.data + kept[i] * d, d, out + i * d);
  });
  // Split by columns, because an id may occur more than once.
  y.backward_to(table, [kept, d, &team](ConstView dy, View dtable) {
    team.split(d, 16, [=](index begin, index end) {
      const real* gradient = dy.data;
      for (int id : kept) {
        for (index j = begin; j < end; ++j) dtable.data[id * d + j] += gradient[j];
        gradient += d;
      }
    });
  });
  return y;
}

Var flatten(Var x) {
  require(x.shape().rank() >= 1 && x.shape()[0] > 0, "flatten: ", x.shape(), " has no samples");
  return x.tape().reshape(x, {x.shape()[0], x.value().size() / x.shape()[0]});
}

}  // namespace nn
