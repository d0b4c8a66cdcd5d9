#pragma once

#include <array>

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

  // Whether this rank has the block and its gradient needs the other's.
  bool concerns(int block) const {
    return block >= 0 && (block == blocks_[0] || block == blocks_[1]);
  }

  // The block's own gradient of the step is complete.
  void start(int block, int step);
  bool is_under_way() const { return started_ > 0; }

  // Goes on as far as messages are here. True once the sum is in every copy on this rank and no
  // message reads it; it is then no longer under way.
  bool advance();

  // The blocks on this rank whose gradients it adds up.
  std::vector<int> blocks() const;

 private:
  std::span<nn::real> gradient(int block) const;

  Stage& stage_;
  Mailbox& mailbox_;
  std::array<int, 2> blocks_{-1, -1};  // embedding and head; -1 if not here, or not tied
  int other_ = -1;                     // the rank that has the other one; -1: this one has both
  int step_ = 0, started_ = 0, parts_added_ = 0;
  Lease lease_;
};

// The other end of the rank's pipeline, with which it exchanges these gradients; -1 if it does not.
int tied_rank(const TrainingConfig& config, int rank);

// How many values such a message has; 0 if there is no such part.
std::size_t tied_part_size(const nn::LanguageModelConfig& model, int part);

}  // namespace pipeline
