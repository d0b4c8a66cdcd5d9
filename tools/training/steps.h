#pragma once

#include <optional>
#include <string>

#include "pipeline/evaluation.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "pipeline/stage_worker.h"
#include "tools/training/course.h"
#include "tools/training/progress.h"
#include "tools/training/rank.h"
#include "tools/training/run_folder.h"
#include "tools/training/stories.h"

namespace training {

struct StepsTaken {
  int last;                                // the last step done, from 1
  std::optional<double> seconds_per_step;  // on the recorder, after one step or more
  bool calls_others = false;               // an elastic run is to go on with more members
};

// What is done with the model between steps; null: never.
struct BetweenSteps {
  pipeline::Evaluation* evaluation = nullptr;
  Stories* stories = nullptr;
};

// Takes a rank's steps, from the newest checkpoint if the run is resumed, to the last one or until
// a rank is told to stop. Takes the folder over after the first step, saves checkpoints and writes
// loss.csv, validation.csv and samples.txt. Rank 0 prints `text`, a description of the training
// text, before the first step. `course`: of an elastic run; null otherwise.
StepsTaken take_steps(const RankOptions& options, const std::string& text, RunFolder& folder,
                      pipeline::Stage& stage, pipeline::StageWorker& worker, BetweenSteps between,
                      pipeline::Mailbox& mailbox, State& state, Course* course = nullptr);

}  // namespace training
