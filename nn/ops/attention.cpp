#include <cmath>

#include "nn/blas.h"
#include "nn/ops.h"

namespace nn {

using blas::gemm, blas::no, blas::yes;

// Each pair (x[j], x[j + half]) of a head is turned by the angle position theta^(-2j / head_size).
Var rotary_embedding(Var x, index head_size, index length, double theta, index first) {
  const index rows = x.shape().rows(), columns = x.shape().columns(), half = head_size / 2;
  require(head_size > 0 && head_size % 2 == 0 && columns % head_size == 0 && length > 0 &&
              rows % length == 0,
          "rotary_embedding: ", x.shape(), " is not made of heads of size ", head_size,
          " and sequences of ", length);
  Tape& tape = x.tape();
  real* cosines = tape.arena().allocate_array<real>(length * half).data();
  real* sines = tape.arena().allocate_array<real>(length * half).data();
  for (index t = 0; t < length; ++t)
    for (index j = 0; j < half; ++j) {
      const double frequency =
          std::pow(theta, -2.0 * static_cast<double>(j) / static_cast<double>(head_size));
      const double angle = static_cast<double>(first + t) * frequency;
      cosines[t * half + j] = static_cast<real>(std::cos(angle));
      sines[t * half + j] = static_cast<real>(std::sin(angle));
    }

  // out (+)= in turned forwards (direction 1) or backwards (-1); turning back is the gradient.
  const auto turn = [=](const real* in, real* out, real direction, bool adds) {
    for (index row = 0; row < rows; ++row)
      for (index head = row * columns; head < (row + 1) * columns; head += head_size)
        for (index j = 0; j < half; ++j) {
          const real cosine = cosines[row % length * half + j];
          const real sine = sines[row % length * half + j] * direction;
          const real low = in[head + j], high = in[head + j + half];
          out[head + j] = low * cosine - high * sine + (adds ? out[head + j] : 0);
          out[head + j + half] = high * cosine + low * sine + (adds ? out[head + j + half] : 0);
        }
  };
  Var y = tape.result(x.shape(), x);
  turn(x.value().data, tape.writable(y).data, 1, false);
  y.backward_to(x, [turn](ConstView dy, View dx) { turn(dy.data, dx.data, -1, true); });
  return y;
}

namespace {

// Where the blocks of each head of each sequence start: [length, head_size] of the queries and
// [keys, head_size] of the keys and values, and how far their rows are apart.
struct Heads {
  index sequences, length, keys, heads, kv_heads, head_size;

  index q_row() const { return heads * head_size; }
  index kv_row() const { return kv_heads * head_size; }
  index scores_size() const { return length * keys; }
  // A query sees the keys up to its own position, counted from the end.
  index seen(index query) const { return keys - length + query + 1; }

  // Calls f(offset in q and y, offset in k and v, offset in the attention weights).
  template <class Function>
  void each(Function f) const {
    for (index s = 0; s < sequences; ++s)
      for (index h = 0; h < heads; ++h)
        f(s * length * q_row() + h * head_size,
          s * keys * kv_row() + h * kv_heads / heads * head_size, (s * heads + h) * scores_size());
  }
};

// Rows of scores to probabilities over the keys that a query sees; later ones get 0.
void causal_softmax(const Heads& heads, real* scores, real scale) {
  for (index t = 0; t < heads.length; ++t) {
    real* row = scores + t * heads.keys;
    const index seen = heads.seen(t);
    real largest = row[0], sum = 0;
    for (index s = 1; s < seen; ++s) largest = std::max(largest, row[s]);
    for (index s = 0; s < seen; ++s) sum += row[s] = std::exp((row[s] - largest) * scale);
    for (index s = 0; s < seen; ++s) row[s] /= sum;
    std::fill(row + seen, row + heads.keys, real(0));
  }
}

// dscores = scale P (dP - sum of dP P along the row), with dP = dy v^T
void score_gradients(const Heads& heads, const real* dy, const real* v, const real* weights,
                     real scale, real* dscores) {
  gemm(no, yes, heads.length, heads.keys, heads.head_size, 1, dy, heads.q_row(), v, heads.kv_row(),
       0, dscores, heads.keys);
  for (index t = 0; t < heads.length; ++t) {
    real* row = dscores + t * heads.keys;
    const real* probability = weights + t * heads.keys;
    real mean = 0;
    for (index s = 0, seen = heads.seen(t); s < seen; ++s) mean += row[s] * probability[s];
    for (index s = 0; s < heads.keys; ++s) row[s] = scale * probability[s] * (row[s] - mean);
  }
}

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
  const Heads heads{sequences, length, keys, columns / head_size, kv_columns / head_size,
                    head_size};
  const real scale = 1 / std::sqrt(static_cast<real>(head_size));
  Tape& tape = q.tape();
  Var y = tape.result(q.shape(), q, k, v);
  real* weights = tape.arena().allocate_array<real>(sequences * heads.heads * length * keys).data();
  heads.each([&](index at, index kv_at, index scores_at) {
    real* scores = weights + scores_at;
    gemm(no, yes, length, keys, head_size, 1, q.value().data + at, heads.q_row(),
         k.value().data + kv_at, heads.kv_row(), 0, scores, keys);
    causal_softmax(heads, scores, scale);
    gemm(no, no, length, head_size, keys, 1, scores, keys, v.value().data + kv_at, heads.kv_row(),
         0, tape.writable(y).data + at, heads.q_row());
  });

  y.backward_to(q, [=, k = k.value(), v = v.value(), arena = &tape.arena()](ConstView dy, View dq) {
    Scratch scratch(*arena);
    real* dscores = scratch.array<real>(heads.scores_size());
    heads.each([&](index at, index kv_at, index scores_at) {
      score_gradients(heads, dy.data + at, v.data + kv_at, weights + scores_at, scale, dscores);
      gemm(no, no, length, head_size, keys, 1, dscores, keys, k.data + kv_at, heads.kv_row(), 1,
           dq.data + at, heads.q_row());
    });
  });
  y.backward_to(k, [=, q = q.value(), v = v.value(), arena = &tape.arena()](ConstView dy, View dk) {
    Scratch scratch(*arena);
    real* dscores = scratch.array<real>(heads.scores_size());
    heads.each([&](index at, index kv_at, index scores_at) {
      score_gradients(heads, dy.data + at, v.data + kv_at, weights + scores_at, scale, dscores);
      gemm(yes, no, keys, head_size, length, 1, dscores, keys, q.data + at, heads.q_row(), 1,
           dk.data + kv_at, heads.kv_row());
    });
  });
  y.backward_to(v, [=](ConstView dy, View dv) {
    heads.each([&](index at, index kv_at, index scores_at) {
      gemm(yes, no, keys, head_size, length, 1, weights + scores_at, keys, dy.data + at,
           heads.q_row(), 1, dv.data + kv_at, heads.kv_row());
    });
  });
  return y;
}

}  // namespace nn
