#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/prediction/predict.h"
#include "pipeline/schedules/schedule.h"
#include "tools/training/costs_file.h"

// What a training is predicted to cost on more and more ranks.
namespace training {

// A whole number of equal pipelines.
struct ScalePoint {
  int pipelines, microbatches;  // of each pipeline; of the largest one if they differ
  pipeline::Prediction prediction;
  double speed_up;  // over one rank with the whole model and the same microbatches
};

struct Scaling {
  const pipeline::ScheduleEntry& schedule;
  int chunks;
  pipeline::StageWork stages;
  double activation_bytes;
  pipeline::Cluster cluster;

  // `all`: microbatches in a step, over all pipelines. Throws nn::InputError if the costs make no
  // step of finite length.
  ScalePoint at(int pipelines, std::int64_t all) const;
};

// The run's own chunks, if the schedule has as many in the same places; otherwise equal ones.
pipeline::StageWork chunks_for(const MeasuredStep& step, const pipeline::ScheduleEntry& schedule,
                               int chunks);
// Chunks get equal parts of what their stage costs, and of its blocks, without tied gradients.
pipeline::StageWork even_chunks_of(const pipeline::StageWork& stages, int chunks);

// 1, 2, 4, ... pipelines, up to as many as the ranks make.
std::vector<int> pipelines_up_to(int most);

}  // namespace training
