#pragma once

#include <optional>

#include "pipeline/worker.h"
#include "tools/training/progress.h"
#include "tools/training/rank.h"
#include "tools/training/run_folder.h"

namespace training {

struct StepsTaken {
  int last;                                // step that is done, from 1
  std::optional<double> seconds_per_step;  // on the recorder, if it took one
};

// All steps of a rank, from where the newest checkpoint ends if the run is resumed, to the last one
// or to where a rank was told to stop. Makes the folder the run's own after the first step; saves
// checkpoints and writes loss.csv. Rank 0 says `text`, on which it trains, before the first step.
StepsTaken take_steps(const RankOptions& options, const std::string& text, RunFolder& folder,
                      pipeline::Stage& stage, pipeline::Worker& worker, pipeline::Mailbox& mailbox,
                      State& state);

}  // namespace training
