#pragma once

#include <cstddef>
#include <optional>

#include "nn/models/language_model.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/training_config.h"

// How a training splits its head over the stages (split_head.h): blocks, sizes and tags.
namespace pipeline {

// Throws nn::InputError if the head is to be split and cannot be. Depends on the vocabulary.
void require_divisible_head(const TrainingConfig& config);

// A split head's block is its norm, and every stage has another block, its rows of the weight,
// with the same number.
int rows_block_of(const TrainingConfig& config);
int count_blocks(const TrainingConfig& config);
std::optional<nn::HeadRows> rows_of(const TrainingConfig& config, int stage);
std::size_t size_of_block(const TrainingConfig& config, int stage, int block);

// Costs by the number of operations, with equally many layers in all parts. They decide where S and
// T come in the lists, so they must not depend on a machine or a measured cut.
StageCosts split_head_costs(const TrainingConfig& config);

// The number of values that a stage sends the last one about a microbatch, and that it gets back.
std::size_t scores_size(const TrainingConfig& config, int stage);
std::size_t factors_size(const TrainingConfig& config, int stage);
// And what the loss of a sequence needs, when it is evaluated.
std::size_t loss_scores_size(const TrainingConfig& config, int stage);

// The tag of what a stage's share of the head takes.
Tag head_input_tag(const TrainingConfig& config, int stage, int step, int microbatch);

// Between steps, in evaluations and stories, what a split head exchanges has tags with numbers of
// parts beyond the model's: first each stage's input, then each stage's scores.
int input_part(const TrainingConfig& config, int stage);
int scores_part(const TrainingConfig& config, int stage);

}  // namespace pipeline
