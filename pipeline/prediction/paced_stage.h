#pragma once

#include <functional>
#include <span>
#include <vector>

#include "nn/real.h"
#include "pipeline/prediction/step_work.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Sleeps for so many seconds. What it oversleeps is taken off the next time, as processors do not
// begin late.
class Sleep {
 public:
  void operator()(double seconds);

 private:
  double late_ = 0;
};

// A stage that sleeps for the costs of its work instead of doing it. What it passes on has the real
// sizes, and is all zero. So many ranks on a few cores take the time that they would have with
// cores of their own: their messages and averages are real.
class PacedStage : public Stage {
 public:
  PacedStage(const TrainingConfig& config, int stage, std::vector<ChunkWork> work,
             std::function<void(double seconds)> sleep = Sleep());

  nn::ConstView forward(int chunk, int microbatch, const Batch& batch,
                        std::span<const nn::real> input) override;
  nn::ConstView backward(int chunk, int microbatch, std::span<const nn::real> gradient) override;
  void weights(int chunk, int microbatch,
               const std::function<void(int block)>& block_is_done) override;
  void update(int block, nn::Optimizer& optimizer, std::span<nn::real> weights,
              std::span<const nn::real> gradients) override;

 private:
  std::vector<ChunkWork> work_;
  std::function<void(double seconds)> sleep_;
  nn::Shape shape_;              // of an activation
  std::vector<nn::real> zeros_;  // one
};

}  // namespace pipeline
