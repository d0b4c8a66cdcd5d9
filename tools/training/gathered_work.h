#pragma once

#include <string>
#include <vector>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/prediction/predict.h"
#include "pipeline/prediction/stage_memory.h"
#include "pipeline/prediction/step_work.h"
#include "pipeline/stage_worker.h"
#include "pipeline/training_config.h"

namespace training {

// The means over all pipelines of what each stage measured, the most memory that it took in one of
// them, and what it ran on.
struct GatheredWork {
  pipeline::StageWork work;
  std::vector<pipeline::StageMemory> memory;
  pipeline::Cluster cluster;
};

// What a rank tells the recorder: one line, with the processor seconds of all its messages so far,
// the links that it measured, and the largest memory of its process.
std::string told_work(const pipeline::StageWorker& worker, double carrying,
                      const pipeline::Cluster& links, double peak_memory);

// On the recorder: what all other ranks tell it, and its own.
GatheredWork gather_work(const pipeline::TrainingConfig& config, const std::string& own,
                         pipeline::Mailbox& mailbox);

}  // namespace training
