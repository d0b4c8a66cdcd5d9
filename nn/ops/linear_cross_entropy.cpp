#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "nn/arena.h"
#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/kernels/vector_math.h"
#include "nn/ops.h"
#include "nn/ops/targets.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

using blas::gemm, blas::Transpose;

namespace {

// The classes in blocks, so that the scores of a block stay in a core's cache while they are used.
// For every block and row, the exponentials e = exp(z - largest of the row in the block) are kept.
// A factor turns them into probabilities once all blocks are done:
//   p[i, j] = factor[block of j, i] e[i, j]
struct Blocks {
  static constexpr index width = 2000;

  index n, in, classes;
  real* exponentials;  // block after block, [n, width of the block]
  real* factors;       // [blocks, n]

  index count() const { return (classes + width - 1) / width; }
  index first(index block) const { return block * width; }
  index size(index block) const { return std::min(width, classes - first(block)); }
  real* exponentials_of(index block) const { return exponentials + n * first(block); }
  real* factors_of(index block) const { return factors + n * block; }
};

// Turns scores into exponentials, row by row. Sets the factors to the row's largest score, `sums`
// to the sum of its exponentials, and `wanted` to the target's score if it is in this block.
void exponentials_of_scores(const Blocks& blocks, index block, std::span<const int> targets,
                            real* sums, real* wanted) {
  const index first = blocks.first(block), size = blocks.size(block);
  for (index i = 0; i < blocks.n; ++i) {
    real* row = blocks.exponentials_of(block) + i * size;
    const real largest = kernels::largest(row, size);
    if (targets[i] >= first && targets[i] < first + size) wanted[i] = row[targets[i] - first];
    for (index j = 0; j < size; ++j) row[j] = kernels::exponential(row[j] - largest);
    sums[i] = kernels::sum(row, size);
    blocks.factors_of(block)[i] = largest;
  }
}

// The loss of row i. `sums` holds the sums of all blocks, [blocks, n].
double finish_row(const Blocks& blocks, index i, bool counts, const real* sums, real wanted) {
  real largest = blocks.factors[i], total = 0;
  for (index b = 1; b < blocks.count(); ++b) largest = std::max(largest, blocks.factors_of(b)[i]);
  for (index b = 0; b < blocks.count(); ++b) {
    real& factor = blocks.factors_of(b)[i];
    factor = std::exp(factor - largest);
    total += factor * sums[b * blocks.n + i];
  }
  for (index b = 0; b < blocks.count(); ++b) blocks.factors_of(b)[i] *= counts ? 1 / total : 0;
  return counts ? std::log(total) - (wanted - largest) : 0;
}

// The sum of the losses of all rows.
double forward(const Blocks& blocks, ConstView x, ConstView weight, std::span<const int> targets,
               Tape& tape) {
  Scratch scratch(tape.arena());
  real* sums = scratch.array<real>(blocks.count() * blocks.n);
  real* wanted = scratch.array<real>(blocks.n);
  tape.team().each(blocks.count(), [&](index b) {
    gemm(Transpose::no, Transpose::yes, blocks.n, blocks.size(b), blocks.in, 1, x.data, blocks.in,
         weight.data + blocks.first(b) * blocks.in, blocks.in, 0, blocks.exponentials_of(b),
         blocks.size(b));
    exponentials_of_scores(blocks, b, targets, sums + b * blocks.n, wanted);
  });
  double* losses = scratch.array<double>(blocks.n);
  tape.team().split(blocks.n, 64, [&](index begin, index end) {
    for (index i = begin; i < end; ++i)
      losses[i] = finish_row(blocks, i, targets[i] >= 0, sums, wanted[i]);
  });
  return std::accumulate(losses, losses + blocks.n, 0.0);
}

}  // namespace

// loss = mean over i of log sum over k of exp(z[i, k]) - z[i, target[i]], z = x weight^T
//
// dz = (p - one at the target) dloss / count. p is never formed: its factors are applied to the
// narrower side of the products dx = dz weight and dweight = dz^T x. Every block has its own
// product, so that sums over blocks do not depend on the threads.
Var linear_cross_entropy(Var x, Var weight, std::span<const int> targets) {
  const index n = x.shape().rows(), in = x.shape().columns(), classes = weight.shape()[0];
  require(x.shape().rank() == 2 && weight.shape() == Shape{classes, in},
          "linear_cross_entropy: input ", x.shape(), " does not fit weight ", weight.shape());
  Tape& tape = x.tape();
  Team& team = tape.team();
  const Targets kept = keep_targets("linear_cross_entropy", n, classes, tape, targets);
  Var loss = tape.result("linear_cross_entropy", {1}, x, weight);
  Blocks blocks{n, in, classes, tape.arena().allocate_array<real>(n * classes).data(), nullptr};
  blocks.factors = tape.arena().allocate_array<real>(blocks.count() * n).data();
  tape.writable(loss).data[0] = static_cast<real>(
      forward(blocks, x.value(), weight.value(), kept.classes, tape) / kept.count);

  loss.backward_to(
      x, reads(weight),
      [&team, &arena = tape.arena(), blocks, kept](ConstView dloss, View dx, ConstView weight) {
        const index n = blocks.n, in = blocks.in;
        const real share = dloss.data[0] / kept.count;
        Scratch scratch(arena);
        real* products = scratch.array<real>(blocks.count() * n * in);
        team.each(blocks.count(), [&](index b) {
          gemm(Transpose::no, Transpose::no, n, in, blocks.size(b), share,
               blocks.exponentials_of(b), blocks.size(b), weight.data + blocks.first(b) * in, in, 0,
               products + b * n * in, in);
        });
        team.split(n, 16, [&](index begin, index end) {
          for (index i = begin; i < end; ++i) {
            if (kept.classes[i] < 0) continue;
            real* row = dx.data + i * in;
            for (index b = 0; b < blocks.count(); ++b)
              for (index j = 0; j < in; ++j)
                row[j] += blocks.factors_of(b)[i] * products[(b * n + i) * in + j];
            for (index j = 0; j < in; ++j) row[j] -= share * weight.data[kept.classes[i] * in + j];
          }
        });
      });
  loss.backward_to(
      weight, reads(x),
      [&team, &arena = tape.arena(), blocks, kept](ConstView dloss, View dweight, ConstView x) {
        const index n = blocks.n, in = blocks.in;
        const real share = dloss.data[0] / kept.count;
        Scratch scratch(arena);
        real* scaled = scratch.array<real>(blocks.count() * n * in);
        team.each(blocks.count(), [&](index b) {
          real* rows = scaled + b * n * in;
          for (index i = 0; i < n; ++i)
            for (index j = 0; j < in; ++j)
              rows[i * in + j] = blocks.factors_of(b)[i] * x.data[i * in + j];
          gemm(Transpose::yes, Transpose::no, blocks.size(b), in, n, share,
               blocks.exponentials_of(b), blocks.size(b), rows, in, 1,
               dweight.data + blocks.first(b) * in, in);
        });
        // Split by columns, because a class may be the target of several rows.
        team.split(in, 16, [=](index begin, index end) {
          for (index i = 0; i < n; ++i)
            for (index j = begin; j < end && kept.classes[i] >= 0; ++j)
              dweight.data[kept.classes[i] * in + j] -= share * x.data[i * in + j];
        });
      });
  return loss;
}

}  // namespace nn
