#include <algorithm>
#include <cmath>
#include <new>

#include "nn/base/error.h"
#include "nn/kernels/vector_math.h"
#include "nn/ops.h"
#include "nn/products.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// The layout of heads in the rows of q, k and v. Scores are computed for 64 queries at a time and
// only for the keys that the last of them sees, about half of all. The blocks of a head are stored
// one after the other:
//
//           keys ->
//   block   xxx
//   block   xxxxxx
//   block   xxxxxxxxx
struct Heads {
  static constexpr index block = 64;

  index sequences, length, keys, heads, kv_heads, head_size;
  real scale;  // of the scores: 1 / sqrt(head_size)

  index q_row() const { return heads * head_size; }
  index kv_row() const { return kv_heads * head_size; }
  // The number of keys that a query sees: up to its own position, counted from the end.
  index seen(index query) const { return keys - length + query + 1; }
  index scores_of_head() const {
    index size = 0;
    for (index t = 0; t < length; t += block) size += rows(t) * width(t);
    return size;
  }
  index scores() const { return sequences * heads * scores_of_head(); }
  index rows(index t) const { return std::min(block, length - t); }
  index width(index t) const { return seen(t + rows(t) - 1); }

  struct Block {
    index first, rows, width;  // queries, and the keys they see
    index q, kv, scores;       // where they start in q and y, in k and v, in the scores
  };

  // Calls f(block) for all blocks. Heads that share keys and values are processed by one thread, in
  // order.
  template <class Function>
  void each_block(Team& team, const Function& f) const {
    const index group = heads / kv_heads;
    team.each(sequences * kv_heads, [&](index i) {
      const index sequence = i / kv_heads, kv_head = i % kv_heads;
      for (index head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        index scores = (sequence * heads + head) * scores_of_head();
        for (index t = 0; t < length; scores += rows(t) * width(t), t += block)
          f(Block{t, rows(t), width(t), (sequence * length + t) * q_row() + head * head_size,
                  sequence * keys * kv_row() + kv_head * head_size, scores});
      }
    });
  }
};

// Turns a row of scores into probabilities over the keys that its query sees. Later keys get 0.
void causal_softmax(real* row, index seen, index width, real scale) {
  const real largest = kernels::largest(row, seen);
  for (index s = 0; s < seen; ++s) row[s] = kernels::exponential((row[s] - largest) * scale);
  const real share = 1 / kernels::sum(row, seen);
  for (index s = 0; s < seen; ++s) row[s] *= share;
  std::fill(row + seen, row + width, real(0));
}

// The gradient of the scores, shared by the rules of q and k. The first to run computes it.
// dscores = scale P (dP - sum of dP P along the row), with dP = dy v^T
struct ScoreGradient {
  const real* probabilities;
  real* values = nullptr;

  const real* get(const Heads& heads, const real* dy, const real* v, Tape& tape) {
    if (values) return values;
    values = tape.arena().allocate_array<real>(heads.scores()).data();
    heads.each_block(tape.team(), [&](const Heads::Block& b) {
      real* block = values + b.scores;
      gemm(tape.precision(), Transpose::no, Transpose::yes, b.rows, b.width, heads.head_size, 1,
           dy + b.q, heads.q_row(), v + b.kv, heads.kv_row(), 0, block, b.width);
      for (index t = 0; t < b.rows; ++t) {
        real* row = block + t * b.width;
        const real* p = probabilities + b.scores + t * b.width;
        const index seen = heads.seen(b.first + t);
        const real mean = kernels::sum_of(seen, [=](index s) { return row[s] * p[s]; });
        for (index s = 0; s < seen; ++s) row[s] = heads.scale * p[s] * (row[s] - mean);
        std::fill(row + seen, row + b.width, real(0));
      }
    });
    return values;
  }
};

}  // namespace

// For each head: P[length, keys] = softmax(q k^T / sqrt(head_size)), y[length, head_size] = P v
Var causal_attention(Var q, Var k, Var v, index head_size, index length) {
  const index columns = q.shape().columns(), kv_columns = k.shape().columns();
  const auto complain = [&](bool holds) {
    require(holds, "causal_attention: q ", q.shape(), ", k ", k.shape(), " and v ", v.shape(),
            " are not heads of size ", head_size, " over sequences of ", length);
  };
  complain(head_size > 0 && length > 0 && q.shape().rank() == 2 && columns % head_size == 0 &&
           kv_columns % head_size == 0 && kv_columns > 0 && columns % kv_columns == 0 &&
           q.shape()[0] % length == 0 && q.shape()[0] > 0 && v.shape() == k.shape());
  const index sequences = q.shape()[0] / length, keys = k.shape()[0] / sequences;
  complain(k.shape() == Shape{sequences * keys, kv_columns} && keys >= length);
  const Heads heads{sequences,
                    length,
                    keys,
                    columns / head_size,
                    kv_columns / head_size,
                    head_size,
                    1 / std::sqrt(static_cast<real>(head_size))};
  Tape& tape = q.tape();
  Var y = tape.result("causal_attention", q.shape(), q, k, v);
  real* p = tape.arena().allocate_array<real>(heads.scores()).data();
  heads.each_block(tape.team(), [&](const Heads::Block& b) {
    real* block = p + b.scores;
    gemm(tape.precision(), Transpose::no, Transpose::yes, b.rows, b.width, head_size, 1,
         q.value().data + b.q, heads.q_row(), k.value().data + b.kv, heads.kv_row(), 0, block,
         b.width);
    for (index t = 0; t < b.rows; ++t)
      causal_softmax(block + t * b.width, heads.seen(b.first + t), b.width, heads.scale);
    gemm(tape.precision(), Transpose::no, Transpose::no, b.rows, head_size, b.width, 1, block,
         b.width, v.value().data + b.kv, heads.kv_row(), 0, tape.writable(y).data + b.q,
         heads.q_row());
  });

  auto* shared = new (tape.arena().allocate(sizeof(ScoreGradient))) ScoreGradient{p};
  y.backward_to(q, reads(k, v), [=, &tape](ConstView dy, View dq, ConstView k, ConstView v) {
    const real* dscores = shared->get(heads, dy.data, v.data, tape);
    heads.each_block(tape.team(), [&](const Heads::Block& b) {
      gemm(tape.precision(), Transpose::no, Transpose::no, b.rows, head_size, b.width, 1,
           dscores + b.scores, b.width, k.data + b.kv, heads.kv_row(), 1, dq.data + b.q,
           heads.q_row());
    });
  });
  y.backward_to(k, reads(q, v), [=, &tape](ConstView dy, View dk, ConstView q, ConstView v) {
    const real* dscores = shared->get(heads, dy.data, v.data, tape);
    heads.each_block(tape.team(), [&](const Heads::Block& b) {
      gemm(tape.precision(), Transpose::yes, Transpose::no, b.width, head_size, b.rows, 1,
           dscores + b.scores, b.width, q.data + b.q, heads.q_row(), 1, dk.data + b.kv,
           heads.kv_row());
    });
  });
  y.backward_to(v, [=, &tape](ConstView dy, View dv) {
    heads.each_block(tape.team(), [&](const Heads::Block& b) {
      gemm(tape.precision(), Transpose::yes, Transpose::no, b.width, head_size, b.rows, 1,
           p + b.scores, b.width, dy.data + b.q, heads.q_row(), 1, dv.data + b.kv, heads.kv_row());
    });
  });
  return y;
}

}  // namespace nn
