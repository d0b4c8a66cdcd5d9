#pragma once

#include <map>
#include <span>
#include <vector>

#include "pipeline/collectives.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Sums of gradients over microbatches that do not depend on their order, nor on which rank has
// which (nn/exact_sum.h): of all blocks of a rank if the training has them, and otherwise none.
class ExactSums {
 public:
  // All arguments must outlive it.
  ExactSums(const TrainingConfig& config, Stage& stage);

  // Moves a microbatch's gradients from the stage's gradients of a block to its sums. Returns false
  // if one is not below limit().
  bool add(int block);
  double limit() const;

  std::span<double> of(int block) { return sums_.at(block); }

  // Divides a part of the sums by the number of microbatches, puts these means into the stage's
  // gradients, and sets all sums of the block to 0.
  void take_means(int block, Segment part);

 private:
  const TrainingConfig& config_;
  Stage& stage_;
  std::map<int, std::vector<double>> sums_;
};

}  // namespace pipeline
