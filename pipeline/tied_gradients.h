#pragma once

#include <span>
#include <vector>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Adds up the gradients of a weight that the embedding and the head share (nn::TensorInfo): each of
// the two blocks has a copy of it, on the first and the last rank of the pipeline. Both ranks send
// theirs, in parts, and add what comes; a + b = b + a to the bit, so the copies stay equal. Nothing
// in it waits.
class TiedGradients {
 public:
  // Everything must outlive it.
  TiedGradients(const TrainingConfig& config, Stage& stage, Mailbox& mailbox);

  // The blocks on this rank whose gradients it adds up: none, one or both.
  const std::vector<int>& blocks() const { return blocks_; }

  // The own gradient of one of these blocks is complete in this step.
  void start(int step);
  bool is_under_way() const { return started_ > 0; }

  // Goes on as far as messages are here. True once the sum is in every copy on this rank and no
  // message reads it; it is then no longer under way.
  bool advance();

 private:
  Mailbox& mailbox_;
  int other_;  // the rank that has the other copy; -1 if none has
  std::vector<int> blocks_;
  std::vector<std::span<nn::real>> gradients_;  // of these blocks
  std::size_t started_ = 0;                     // of these blocks
  int step_ = 0, parts_added_ = 0;
  Lease lease_;
};

// The other end of the rank's pipeline, with which it exchanges these gradients; -1 if it does not.
int tied_rank(const TrainingConfig& config, int rank);

// How many values such a message has; 0 if there is no such part.
std::size_t tied_part_size(const nn::LanguageModelConfig& model, int part);

}  // namespace pipeline
