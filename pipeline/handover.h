#pragma once

#include <cstddef>
#include <vector>

#include "pipeline/gradients.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

namespace pipeline {

// The rank from which the ranks of a stage that have no state get it: the first of the stage's that
// has one; -1 if all have theirs, or none. `has_state`: of every rank.
int source_of(const TrainingConfig& config, const std::vector<bool>& has_state, int stage);

// The ranks of its stage that this rank exchanges a state with; they must be linked.
std::vector<int> handover_links(const TrainingConfig& config, const std::vector<bool>& has_state,
                                int rank);

// Gives weights, the optimizer's state and the number of skipped steps of a stage, after `done`
// steps, from the rank that is the source to those without. Called by all ranks, which the mailbox
// has in step `done`; returns when this rank needs nothing more.
void hand_over(const TrainingConfig& config, const std::vector<bool>& has_state, Mailbox& mailbox,
               Stage& stage, Gradients& gradients, int& steps_skipped, int done);

// Its messages: first the number of skipped steps and that of updates of each block, then parts of
// arrays: the weights of a block and its moments.
constexpr std::size_t longest_part_of_handover = 1 << 16;  // numbers
constexpr Tag counts_of_handover{Tag::handover, 0, 0, 0};
int block_of_handover(Tag tag);
std::size_t size_of_part(std::size_t block_size, Tag tag);  // 0 if there is no such part

}  // namespace pipeline
