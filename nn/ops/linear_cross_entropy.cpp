#include <span>

#include "nn/arena.h"
#include "nn/base/error.h"
#include "nn/ops.h"
#include "nn/ops/class_blocks.h"
#include "nn/ops/targets.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// The sum of the losses of all rows.
double forward(const ClassBlocks& blocks, ConstView x, ConstView weight,
               std::span<const int> targets, Tape& tape) {
  Scratch scratch(tape.arena());
  real* sums = scratch.array<real>(blocks.count() * blocks.n);
  real* wanted = scratch.array<real>(blocks.n);
  compute_exponentials(blocks, x, weight, targets, sums, wanted, tape.team());
  return finish_rows(blocks.factors, blocks.count(), sums, wanted, targets, tape.team(),
                     tape.arena());
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
  ClassBlocks blocks{n,       in,
                     classes, tape.arena().allocate_array<real>(n * classes).data(),
                     nullptr, tape.precision()};
  blocks.factors = tape.arena().allocate_array<real>(blocks.count() * n).data();
  tape.writable(loss).data[0] = static_cast<real>(
      forward(blocks, x.value(), weight.value(), kept.classes, tape) / kept.count);

  loss.backward_to(
      x, reads(weight),
      [&team, &arena = tape.arena(), blocks, kept](ConstView dloss, View dx, ConstView weight) {
        const real share = dloss.data[0] / kept.count;
        const index size = blocks.n * blocks.in;
        Scratch scratch(arena);
        real* products = scratch.array<real>(blocks.count() * size);
        compute_products(blocks, weight, share, products, team);
        add_input_gradient(
            blocks.factors, blocks.count(), kept.classes, share,
            [=](index b) { return products + b * size; },
            [&](index i) { return weight.data + kept.classes[i] * blocks.in; }, dx, team);
      });
  loss.backward_to(
      weight, reads(x),
      [&team, &arena = tape.arena(), blocks, kept](ConstView dloss, View dweight, ConstView x) {
        add_weight_gradient(blocks, x, kept.classes, dloss.data[0] / kept.count, dweight, team,
                            arena);
      });
  return loss;
}

}  // namespace nn
