#include "tools/training/scaling.h"

#include <cmath>
#include <utility>

#include "nn/base/error.h"
#include "pipeline/schedules/costs.h"

namespace training {

ScalePoint Scaling::at(int pipelines, std::int64_t all) const {
  const int microbatches = static_cast<int>((all + pipelines - 1) / pipelines);
  pipeline::StepWork step{schedule.plan(static_cast<int>(stages.size()), microbatches, chunks),
                          stages,
                          pipelines,
                          activation_bytes,
                          {},
                          {}};
  pipeline::Prediction prediction = predict_step(step, cluster);
  if (!std::isfinite(prediction.length) || prediction.length <= 0)
    throw nn::InputError("these costs make no step",
                         "record costs with tools/pipeline.sh 4 --steps 10");
  double alone = 0;
  for (const auto& chunks_of_stage : stages)
    for (const pipeline::ChunkWork& chunk : chunks_of_stage) {
      alone += chunk.costs.sum() * static_cast<double>(all);
      for (const pipeline::BlockWork& block : chunk.blocks) alone += block.update;
    }
  const double speed_up = alone / prediction.length;
  return {pipelines, microbatches, std::move(prediction), speed_up};
}

pipeline::StageWork chunks_for(const MeasuredStep& step, const pipeline::ScheduleEntry& schedule,
                               int chunks) {
  const pipeline::ScheduleEntry* own = pipeline::find_schedule(step.schedule);
  const bool fits =
      own && own->place == schedule.place && static_cast<int>(step.stages[0].size()) == chunks;
  return fits ? step.stages : even_chunks_of(step.stages, chunks);
}

pipeline::StageWork even_chunks_of(const pipeline::StageWork& stages, int chunks) {
  pipeline::StageWork all;
  for (const auto& stage : stages) {
    pipeline::ChunkWork part{{0, 0, 0}, {}};
    double weights = 0;
    for (const pipeline::ChunkWork& chunk : stage) {
      part.costs = {part.costs.forward + chunk.costs.forward / chunks,
                    part.costs.backward + chunk.costs.backward / chunks,
                    part.costs.weights + chunk.costs.weights / chunks};
      weights += chunk.costs.weights;
    }
    for (const pipeline::ChunkWork& chunk : stage)
      for (pipeline::BlockWork block : chunk.blocks) {
        block.share *= weights > 0 ? chunk.costs.weights / weights : 1.0 / stage.size();
        block.update /= chunks;
        block.bytes /= chunks;
        block.tied_bytes = 0;
        part.blocks.push_back(block);
      }
    all.emplace_back(chunks, part);
  }
  return all;
}

std::vector<int> pipelines_up_to(int most) {
  std::vector<int> counts;
  for (int count = 1; count < most; count *= 2) counts.push_back(count);
  counts.push_back(most);
  return counts;
}

}  // namespace training
