#pragma once

#include <algorithm>
#include <span>

#include "nn/arena.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

// The parts of linear_cross_entropy(), for one holder of the whole weight or for several that have
// some blocks of its rows each. Nothing is summed over two blocks but in finish_rows() and
// add_input_gradient(), in the order of blocks: results have the same bits however blocks are
// divided.
namespace nn {

// Classes in blocks, so that the scores of a block stay in a core's cache while they are used. For
// every block and row of x, the exponentials e = exp(z - largest of the row in the block) are kept.
// A factor turns them into probabilities once all blocks are done:
//   p[i, j] = factor[block of j, i] e[i, j]
struct ClassBlocks {
  static constexpr index width = 2000;

  index n, in, classes;
  real* exponentials;  // block after block, [n, width of the block]
  real* factors;       // [blocks, n]
  Precision precision = Precision::full;

  index count() const { return (classes + width - 1) / width; }
  index first(index block) const { return block * width; }
  index size(index block) const { return std::min(width, classes - first(block)); }
  real* exponentials_of(index block) const { return exponentials + n * first(block); }
  real* factors_of(index block) const { return factors + n * block; }
};

// Computes the exponentials of z = x weight^T. Sets the factors to the largest score of each block
// and row, `sums` to the sums of its exponentials, [blocks, n], and `wanted`, [n], to the scores of
// the targets among these classes.
void compute_exponentials(const ClassBlocks& blocks, ConstView x, ConstView weight,
                          std::span<const int> targets, real* sums, real* wanted, Team& team);

// Turns the largest scores of `count` blocks into factors, [count, n]. Returns the sum of losses of
// the rows with a target; the factors of others become 0.
double finish_rows(real* factors, index count, const real* sums, const real* wanted,
                   std::span<const int> targets, Team& team, Arena& arena);

// Sets `products` to share e weight, [blocks, n, in].
void compute_products(const ClassBlocks& blocks, ConstView weight, real share, real* products,
                      Team& team);

// Adds to dx of z's input: factors times products, less share times the row of the weight for the
// target. `products` and `target_rows` give those of a block, [n, in], and of a row of x, [in].
template <class Products, class TargetRows>
void add_input_gradient(const real* factors, index count, std::span<const int> targets, real share,
                        Products products, TargetRows target_rows, View dx, Team& team) {
  const index n = dx.shape.rows(), in = dx.shape.columns();
  team.split(n, 16, [&](index begin, index end) {
    for (index i = begin; i < end; ++i) {
      if (targets[i] < 0) continue;
      real* row = dx.data + i * in;
      for (index b = 0; b < count; ++b) {
        const real* product = products(b) + i * in;
        for (index j = 0; j < in; ++j) row[j] += factors[b * n + i] * product[j];
      }
      const real* target = target_rows(i);
      for (index j = 0; j < in; ++j) row[j] -= share * target[j];
    }
  });
}

// Adds to the gradients of these classes' weights. Targets of other classes are ignored.
void add_weight_gradient(const ClassBlocks& blocks, ConstView x, std::span<const int> targets,
                         real share, View dweight, Team& team, Arena& arena);

}  // namespace nn
