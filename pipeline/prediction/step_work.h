#pragma once

#include <optional>
#include <vector>

#include "pipeline/schedules/costs.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/training_config.h"

// What the ranks of a training do in a step, in seconds and bytes: what predict.h needs to know.
namespace pipeline {

// Averaging and updating one block of a stage.
struct BlockWork {
  int number = 0;         // in the model
  double share = 1;       // of its chunk's W of the last microbatch, 0 to 1
  double update = 0;      // seconds, once a step
  double bytes = 0;       // of its gradients
  double tied_bytes = 0;  // of those that the block at the other end of the model has, too
};

struct ChunkWork {
  Costs costs;                         // of a microbatch, without updates
  std::vector<BlockWork> blocks;       // in the order of W: from the last to the first
  std::optional<BlockWork> rows = {};  // of a split head, in the stage's first chunk
};

using StageWork = std::vector<std::vector<ChunkWork>>;  // [stage][chunk]

// A step of one of several equal pipelines.
struct StepWork {
  Plan plan;
  StageWork stages;
  int pipelines = 1;
  double activation_bytes = 0;  // of a message to the stage before or after
  std::vector<double> scores_bytes = {}, factors_bytes = {};  // of each stage, with a split head
};

// Whether the head is split.
bool splits_head(const StageWork& work);

StageCosts costs_of(const StageWork& work);
// With the updates of a stage spread over its microbatches and chunks, as part of W.
StageCosts costs_with_updates(const StageWork& work, int microbatches);

// Where a run had the ends of the model, by the numbers of its blocks.
Ends ends_of(const StageWork& work);

// The sizes of all blocks of a stage. W takes as long for each of them, and updates take no time.
std::vector<ChunkWork> blocks_of_stage(const TrainingConfig& config, int stage);

// The step of a training, and the sizes of its messages. Outer steps are left out.
StepWork step_of(const TrainingConfig& config, StageWork stages);

}  // namespace pipeline
