#pragma once

#include <vector>

#include "nn/optimizer.h"
#include "nn/real.h"
#include "pipeline/collectives.h"
#include "pipeline/gradients.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Whether each rank of the stage group has a share of the optimizer's state for this block. Blocks
// with a tied weight stay whole.
bool is_shared_out(const TrainingConfig& config, int block);

// The part of a block that a rank updates: its own segment of the ring, or all.
Segment share_of(const TrainingConfig& config, int rank, int block);

// In an optimizer's state: Adam's two moments.
constexpr int most_arrays = 2;

// The optimizer's state for a whole block, for files: `state` is the rank's own if that is whole,
// and otherwise a copy with this rank's share in its place and zeros elsewhere.
struct WholeState {
  std::vector<std::vector<nn::real>> copies;
  nn::Optimizer::State state;
};
WholeState whole_state(const TrainingConfig& config, Gradients& gradients, int stage, int block);

// Puts this rank's share of the copy back.
void keep_share(const TrainingConfig& config, Gradients& gradients, int block, WholeState& whole);

// After `step` steps, the rank of pipeline 0 collects the shares of its stage group. It asks for
// each block, so that it holds the shares of one block at a time. The other ranks hand theirs over,
// for the same blocks in the same order. Does nothing for blocks that are not shared out.
void collect_shares(const TrainingConfig& config, Mailbox& mailbox, int step, int block,
                    WholeState& whole);
void hand_over_share(const TrainingConfig& config, Mailbox& mailbox, int step, int block,
                     Gradients& gradients);

}  // namespace pipeline
