#pragma once

#include <optional>

#include "pipeline/worker.h"
#include "tools/training/progress.h"
#include "tools/training/rank.h"

namespace training {

// All steps of a rank, from where the newest checkpoint ends if the run is resumed; saves
// checkpoints and writes loss.csv. Returns the seconds per step, or nothing if there was none left.
std::optional<double> take_steps(const RankOptions& options, pipeline::Stage& stage,
                                 pipeline::Worker& worker, pipeline::Mailbox& mailbox,
                                 State& state);

}  // namespace training
