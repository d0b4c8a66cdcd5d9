#include "nn/ops/class_blocks.h"

#include <cmath>
#include <numeric>

#include "nn/kernels/vector_math.h"
#include "nn/products.h"

namespace nn {

namespace {

// Turns scores into exponentials, row by row.
void exponentials_of_scores(const ClassBlocks& blocks, index block, std::span<const int> targets,
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

// The loss of row i of n.
double finish_row(real* factors, index count, index n, index i, bool counts, const real* sums,
                  real wanted) {
  real largest = factors[i], total = 0;
  for (index b = 1; b < count; ++b) largest = std::max(largest, factors[b * n + i]);
  for (index b = 0; b < count; ++b) {
    real& factor = factors[b * n + i];
    factor = std::exp(factor - largest);
    total += factor * sums[b * n + i];
  }
  for (index b = 0; b < count; ++b) factors[b * n + i] *= counts ? 1 / total : 0;
  return counts ? std::log(total) - (wanted - largest) : 0;
}

}  // namespace

void compute_exponentials(const ClassBlocks& blocks, ConstView x, ConstView weight,
                          std::span<const int> targets, real* sums, real* wanted, Team& team) {
  team.each(blocks.count(), [&](index b) {
    gemm(blocks.precision, Transpose::no, Transpose::yes, blocks.n, blocks.size(b), blocks.in, 1,
         x.data, blocks.in, weight.data + blocks.first(b) * blocks.in, blocks.in, 0,
         blocks.exponentials_of(b), blocks.size(b));
    exponentials_of_scores(blocks, b, targets, sums + b * blocks.n, wanted);
  });
}

double finish_rows(real* factors, index count, const real* sums, const real* wanted,
                   std::span<const int> targets, Team& team, Arena& arena) {
  const auto n = static_cast<index>(targets.size());
  Scratch scratch(arena);
  double* losses = scratch.array<double>(n);
  team.split(n, 64, [&](index begin, index end) {
    for (index i = begin; i < end; ++i)
      losses[i] = finish_row(factors, count, n, i, targets[i] >= 0, sums, wanted[i]);
  });
  return std::accumulate(losses, losses + n, 0.0);
}

void compute_products(const ClassBlocks& blocks, ConstView weight, real share, real* products,
                      Team& team) {
  team.each(blocks.count(), [&](index b) {
    gemm(blocks.precision, Transpose::no, Transpose::no, blocks.n, blocks.in, blocks.size(b), share,
         blocks.exponentials_of(b), blocks.size(b), weight.data + blocks.first(b) * blocks.in,
         blocks.in, 0, products + b * blocks.n * blocks.in, blocks.in);
  });
}

void add_weight_gradient(const ClassBlocks& blocks, ConstView x, std::span<const int> targets,
                         real share, View dweight, Team& team, Arena& arena) {
  const index n = blocks.n, in = blocks.in;
  Scratch scratch(arena);
  real* scaled = scratch.array<real>(blocks.count() * n * in);
  team.each(blocks.count(), [&](index b) {
    real* rows = scaled + b * n * in;
    for (index i = 0; i < n; ++i)
      for (index j = 0; j < in; ++j)
        rows[i * in + j] = blocks.factors_of(b)[i] * x.data[i * in + j];
    gemm(blocks.precision, Transpose::yes, Transpose::no, blocks.size(b), in, n, share,
         blocks.exponentials_of(b), blocks.size(b), rows, in, 1,
         dweight.data + blocks.first(b) * in, in);
  });
  // Split by columns, because a class may be the target of several rows.
  team.split(in, 16, [&](index begin, index end) {
    for (index i = 0; i < n; ++i)
      for (index j = begin; j < end && targets[i] >= 0 && targets[i] < blocks.classes; ++j)
        dweight.data[targets[i] * in + j] -= share * x.data[i * in + j];
  });
}

}  // namespace nn
