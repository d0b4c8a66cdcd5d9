#pragma once

#include "pipeline/prediction/predict.h"
#include "pipeline/schedules/simulate.h"
#include "tools/training/rank.h"

namespace training {

// How fast a run was, and how fast its costs allow it to be.
struct Speed {
  pipeline::StageCosts costs;      // of a microbatch, in seconds
  pipeline::Timeline allowed;      // a step by cut and schedule alone, on this machine's cores
  pipeline::Prediction predicted;  // with messages, averages and updates
  double seconds_per_step = 0;     // as it was
  double work = 0;                 // seconds that one rank would need for a step of all pipelines
  int cores = 0;                   // that the ranks share
};

// Writes report.html from the files of the run's folder: losses, timeline, costs and bound,
// stories, and answers to the course's exercises B1 and B2 where the figures have something to say.
void write_page(const RankOptions& options, const Speed& speed);

}  // namespace training
