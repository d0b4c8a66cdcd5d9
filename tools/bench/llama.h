#pragma once

#include <memory>

#include "pipeline/training_config.h"

namespace bench {

// Serial training on random tokens with all of a model, as bin/pipeline_worker alone does it.
class LlamaTraining {
 public:
  LlamaTraining(const nn::LanguageModelConfig& model, int length, int threads);
  ~LlamaTraining();

  void step();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Floating-point operations of the matrix products of a training step, forwards and backwards, each
// multiply-add counted as two: 83.2e9 with the course's model. Attention counts whole although half
// of its scores are masked, which is 2.4 % of that.
double step_flops(const pipeline::TrainingConfig& config);

}  // namespace bench
