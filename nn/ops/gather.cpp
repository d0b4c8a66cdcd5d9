#include "nn/ops.h"

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
  real* out = tape.writable(y).data;
  for (int id : kept) out = std::copy_n(table.value().data + id * d, d, out);
  y.backward_to(table, [kept, d](ConstView dy, View dtable) {
    const real* gradient = dy.data;
    for (int id : kept)
      for (index j = 0; j < d; ++j) dtable.data[id * d + j] += *gradient++;
  });
  return y;
}

Var flatten(Var x) {
  require(x.shape().rank() >= 1 && x.shape()[0] > 0, "flatten: ", x.shape(), " has no samples");
  return x.tape().reshape(x, {x.shape()[0], x.value().size() / x.shape()[0]});
}

}  // namespace nn
