#include "pipeline/exact_sums.h"

#include <algorithm>

#include "nn/exact_sum.h"

namespace pipeline {

ExactSums::ExactSums(const TrainingConfig& config, Stage& stage) : config_(config), stage_(stage) {
  if (!config.has_exact_sums) return;
  for (int block : stage.all_blocks()) sums_[block].resize(stage.weights_of(block).size());
}

double ExactSums::limit() const { return nn::exact_limit(config_.all_microbatches()); }

bool ExactSums::add(int block) {
  return nn::move_terms(stage_.gradients_of(block), of(block), limit(), stage_.team());
}

void ExactSums::take_means(int block, Segment part) {
  const auto [first, length] = part;
  const std::span<double> sums = of(block);
  nn::take_products(sums.subspan(first, length), 1.0 / config_.all_microbatches(),
                    stage_.gradients_of(block).subspan(first, length), stage_.team());
  std::ranges::fill(sums.first(first), 0);
  std::ranges::fill(sums.subspan(first + length), 0);
}

}  // namespace pipeline
