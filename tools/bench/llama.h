#pragma once

#include <memory>
#include <string>

#include "pipeline/training_config.h"

namespace bench {

// Serial training of a whole model on random tokens, as a single bin/pipeline_worker does it.
class LlamaTraining {
 public:
  LlamaTraining(const nn::LanguageModelConfig& model, int length, int threads,
                const std::string& precision = "float");
  ~LlamaTraining();

  void step();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Floating-point operations of the matrix products of a training step, forward and backward; a
// multiply-add counts as two. 83.2e9 with the course's model. Attention counts in full, although
// half of its scores are masked: 2.4 % of the total.
double step_flops(const pipeline::TrainingConfig& config);

}  // namespace bench
