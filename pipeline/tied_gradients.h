#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nn/models/language_model.h"
#include "nn/real.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Adds up the gradients of a weight that the embedding and the head share (nn::TensorInfo). Each of
// the two blocks has a copy of it, usually on different ranks of the pipeline. Both ranks send
// their gradient in parts and add the other's; a + b = b + a to the last bit, so the copies stay
// equal. It never blocks.
class TiedGradients {
 public:
  // All arguments must outlive it.
  TiedGradients(const TrainingConfig& config, Stage& stage, Mailbox& mailbox);

  // The blocks on this rank whose gradients it adds up: none, one or both.
  const std::vector<int>& blocks() const { return blocks_; }

  // Call it when this rank's gradient of one of these blocks is complete in this step.
  void start(int step);
  bool is_under_way() const { return started_ > 0; }

  // Takes the messages that have arrived. True once the sum is in every copy on this rank and
  // no message reads it; it is then no longer under way.
  bool advance();

 private:
  Mailbox& mailbox_;
  int other_;  // the rank with the other copy; -1 if there is none
  std::vector<int> blocks_;
  std::vector<std::span<nn::real>> gradients_;  // of these blocks
  std::size_t started_ = 0;                     // how many of these blocks
  int step_ = 0, parts_added_ = 0;
  Lease lease_;
};

// The rank of the same pipeline that has the other copy; -1 if there is none.
int tied_rank(const TrainingConfig& config, int rank);

// The number of values in a part; 0 if there is no such part.
std::size_t tied_part_size(const nn::LanguageModelConfig& model, int part);

}  // namespace pipeline
