#include <algorithm>
#include <cmath>
#include <limits>
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

// The layout of heads in the rows of q, k and v. Scores are computed for 64 queries at a time, for
// 256 keys at a time and only as far as the last of the queries sees. They are never all kept: the
// gradients compute them again (Dao et al. 2022), so memory grows with the length, not its square.
//
//              keys ->
//   queries    xxx
//   queries    xxxxxx
//   queries    xxxxxx|xxx
struct Heads {
  static constexpr index query_block = 64, key_block = 256;

  index sequences, length, keys, heads, kv_heads, head_size;
  real scale;  // of the scores: 1 / sqrt(head_size)
  Precision precision;

  index q_row() const { return heads * head_size; }
  index kv_row() const { return kv_heads * head_size; }
  index queries() const { return sequences * heads * length; }

  struct Block {
    index first, rows;    // queries
    index q, kv, number;  // where they start in q and y, in k and v, among queries()
  };
  struct Keys {
    index first, count;
  };

  // Calls f(block) for all blocks of queries. Heads that share keys and values are processed by one
  // thread, in order.
  template <class Function>
  void each_block(Team& team, const Function& f) const {
    const index group = heads / kv_heads;
    team.each(sequences * kv_heads, [&](index i) {
      const index sequence = i / kv_heads, kv_head = i % kv_heads;
      for (index head = kv_head * group; head < (kv_head + 1) * group; ++head)
        for (index t = 0; t < length; t += query_block)
          f(Block{t, std::min(query_block, length - t),
                  (sequence * length + t) * q_row() + head * head_size,
                  sequence * keys * kv_row() + kv_head * head_size,
                  (sequence * heads + head) * length + t});
    });
  }

  // Calls f(keys) for the blocks of keys that these queries see.
  template <class Function>
  void each_keys(const Block& b, Function f) const {
    const index end = keys - length + b.first + b.rows;
    for (index s = 0; s < end; s += key_block) f(Keys{s, std::min(key_block, end - s)});
  }
  // How many of these keys query t of the block sees: those up to its own position, which is
  // counted from the end.
  index seen(const Block& b, index t, const Keys& k) const {
    return std::clamp<index>(keys - length + b.first + t + 1 - k.first, 0, k.count);
  }
};

// Numbers for each query and key of a pair of blocks.
using Scores = real[Heads::query_block * Heads::key_block];

// What turns a query's scores into probabilities: p = exp((score - largest) scale) share
struct Softmax {
  real *largest, *share;
};

struct Inputs {
  const real *q, *k, *v;
};

// scores[rows, count] = q k^T
void multiply_keys(const Heads& heads, const Heads::Block& b, const Heads::Keys& keys,
                   const Inputs& in, real* scores) {
  gemm(heads.precision, Transpose::no, Transpose::yes, b.rows, keys.count, heads.head_size, 1,
       in.q + b.q, heads.q_row(), in.k + b.kv + keys.first * heads.kv_row(), heads.kv_row(), 0,
       scores, keys.count);
}

// Turns a row of scores into exp((score - largest) scale) for the keys that its query sees. Later
// keys get 0.
void take_exponentials(real* row, index seen, index count, real largest, real scale) {
  for (index s = 0; s < seen; ++s) row[s] = kernels::exponential((row[s] - largest) * scale);
  std::fill(row + seen, row + count, real(0));
}

// y for a block of queries. When a block of keys has a larger score than those before, what was
// summed up to then shrinks (Milakov and Gimelshein 2018).
void attend(const Heads& heads, const Heads::Block& b, const Inputs& in, const Softmax& softmax,
            real* y) {
  real *largest = softmax.largest + b.number, *sum = softmax.share + b.number;
  std::fill_n(largest, b.rows, -std::numeric_limits<real>::infinity());
  std::fill_n(sum, b.rows, real(0));
  const auto scale_row = [&](index t, real factor) {
    real* row = y + b.q + t * heads.q_row();
    for (index j = 0; j < heads.head_size; ++j) row[j] *= factor;
  };
  heads.each_keys(b, [&](const Heads::Keys& keys) {
    alignas(64) Scores scores;
    multiply_keys(heads, b, keys, in, scores);
    for (index t = 0; t < b.rows; ++t) {
      real* row = scores + t * keys.count;
      const index seen = heads.seen(b, t, keys);
      const real before = largest[t];
      if (seen > 0) largest[t] = std::max(before, kernels::largest(row, seen));
      take_exponentials(row, seen, keys.count, largest[t], heads.scale);
      const real shrunk = kernels::exponential((before - largest[t]) * heads.scale);
      sum[t] = sum[t] * shrunk + kernels::sum(row, seen);
      if (keys.first > 0) scale_row(t, shrunk);
    }
    gemm(heads.precision, Transpose::no, Transpose::no, b.rows, heads.head_size, keys.count, 1,
         scores, keys.count, in.v + b.kv + keys.first * heads.kv_row(), heads.kv_row(),
         keys.first > 0, y + b.q, heads.q_row());
  });
  for (index t = 0; t < b.rows; ++t) scale_row(t, sum[t] = 1 / sum[t]);
}

// The gradients of q, k and v, shared by their rules. The first to run computes them.
//   P = softmax of the scores, dP = dy v^T, dscores = scale P (dP - dy y^T summed along the row)
//   dq = dscores k, dk = dscores^T q, dv = P^T dy
struct Gradients {
  Softmax softmax;
  View q, k, v;

  void compute(const Heads& heads, const Inputs& in, const real* y, const real* dy, Tape& tape) {
    if (q.data) return;
    const auto make = [&](index rows, index columns) {
      return View(tape.arena().allocate_array<real>(rows * columns).data(), {rows, columns});
    };
    q = make(heads.sequences * heads.length, heads.q_row());
    k = make(heads.sequences * heads.keys, heads.kv_row());
    v = make(heads.sequences * heads.keys, heads.kv_row());
    std::ranges::fill(k, real(0));
    std::ranges::fill(v, real(0));
    heads.each_block(tape.team(), [&](const Heads::Block& b) { add(heads, b, in, y, dy); });
  }

 private:
  void add(const Heads& heads, const Heads::Block& b, const Inputs& in, const real* y,
           const real* dy) const {
    const index q_row = heads.q_row(), kv_row = heads.kv_row(), size = heads.head_size;
    real along[Heads::query_block];  // dy y^T of each query
    for (index t = 0; t < b.rows; ++t) {
      const real *y_row = y + b.q + t * q_row, *dy_row = dy + b.q + t * q_row;
      along[t] = kernels::sum_of(size, [=](index j) { return dy_row[j] * y_row[j]; });
    }
    heads.each_keys(b, [&](const Heads::Keys& keys) {
      alignas(64) Scores p, dscores;
      const index n = keys.count, kv = b.kv + keys.first * kv_row;
      multiply_keys(heads, b, keys, in, p);
      gemm(heads.precision, Transpose::no, Transpose::yes, b.rows, n, size, 1, dy + b.q, q_row,
           in.v + kv, kv_row, 0, dscores, n);
      differentiate(heads, b, keys, along, p, dscores);
      gemm(heads.precision, Transpose::no, Transpose::no, b.rows, size, n, 1, dscores, n, in.k + kv,
           kv_row, keys.first > 0, q.data + b.q, q_row);
      gemm(heads.precision, Transpose::yes, Transpose::no, n, size, b.rows, 1, dscores, n,
           in.q + b.q, q_row, 1, k.data + kv, kv_row);
      gemm(heads.precision, Transpose::yes, Transpose::no, n, size, b.rows, 1, p, n, dy + b.q,
           q_row, 1, v.data + kv, kv_row);
    });
  }

  // Turns scores into probabilities p, and the gradients dp of these into those of the scores. For
  // later keys they are 0, even if dp has overflowed.
  void differentiate(const Heads& heads, const Heads::Block& b, const Heads::Keys& keys,
                     const real* along, real* p, real* dp) const {
    for (index t = 0; t < b.rows; ++t, p += keys.count, dp += keys.count) {
      const index seen = heads.seen(b, t, keys);
      const real share = softmax.share[b.number + t];
      take_exponentials(p, seen, keys.count, softmax.largest[b.number + t], heads.scale);
      for (index s = 0; s < seen; ++s) {
        p[s] *= share;
        dp[s] = heads.scale * p[s] * (dp[s] - along[t]);
      }
      std::fill(dp + seen, dp + keys.count, real(0));
    }
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
  Tape& tape = q.tape();
  const Heads heads{sequences,
                    length,
                    keys,
                    columns / head_size,
                    kv_columns / head_size,
                    head_size,
                    1 / std::sqrt(static_cast<real>(head_size)),
                    tape.precision()};
  Var y = tape.result("causal_attention", q.shape(), q, k, v);
  const auto numbers = [&] { return tape.arena().allocate_array<real>(heads.queries()).data(); };
  const Softmax softmax{numbers(), numbers()};
  const Inputs in{q.value().data, k.value().data, v.value().data};
  heads.each_block(tape.team(), [&](const Heads::Block& b) {
    attend(heads, b, in, softmax, tape.writable(y).data);
  });

  auto* gradients = new (tape.arena().allocate(sizeof(Gradients))) Gradients{softmax, {}, {}, {}};
  const auto flow_to = [&](Var target, View Gradients::*gradient) {
    y.backward_to(
        target, reads(q, k, v, y),
        [=, &tape](ConstView dy, View dx, ConstView q, ConstView k, ConstView v, ConstView y) {
          gradients->compute(heads, {q.data, k.data, v.data}, y.data, dy.data, tape);
          const View from = gradients->*gradient;
          tape.team().split(dx.size(), 8192, [=](index begin, index end) {
            for (index i = begin; i < end; ++i) dx.data[i] += from.data[i];
          });
        });
  };
  flow_to(q, &Gradients::q);
  flow_to(k, &Gradients::k);
  flow_to(v, &Gradients::v);
  return y;
}

}  // namespace nn
