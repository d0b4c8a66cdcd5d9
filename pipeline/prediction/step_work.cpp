#include "pipeline/prediction/step_work.h"

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <utility>

#include "nn/models/language_model.h"
#include "nn/real.h"
#include "pipeline/activation_wire.h"
#include "pipeline/split_head/head_layout.h"

namespace pipeline {

namespace {

double bytes_of(std::size_t values) { return static_cast<double>(values * sizeof(nn::real)); }

}  // namespace

bool splits_head(const StageWork& work) {
  return std::ranges::any_of(work | std::views::join,
                             [](const ChunkWork& chunk) { return chunk.rows.has_value(); });
}

StageCosts costs_of(const StageWork& work) {
  StageCosts costs;
  for (const std::vector<ChunkWork>& chunks : work) {
    std::vector<Costs>& stage = costs.emplace_back();
    for (const ChunkWork& chunk : chunks) stage.push_back(chunk.costs);
  }
  return costs;
}

StageCosts costs_with_updates(const StageWork& work, int microbatches) {
  StageCosts costs = costs_of(work);
  for (std::size_t stage = 0; stage < work.size(); ++stage) {
    double updates = 0;
    for (const ChunkWork& chunk : work[stage]) {
      for (const BlockWork& block : chunk.blocks) updates += block.update;
      if (chunk.rows) updates += chunk.rows->update;
    }
    for (Costs& chunk : costs[stage])
      chunk.weights += updates / static_cast<double>(microbatches * costs[stage].size());
  }
  return costs;
}

Ends ends_of(const StageWork& work) {
  Ends ends{0, static_cast<int>(work.size()) - 1};
  int highest = 0;
  for (std::size_t stage = 0; stage < work.size(); ++stage)
    for (const ChunkWork& chunk : work[stage])
      for (const BlockWork& block : chunk.blocks) {
        if (block.number == 0) ends.first = static_cast<int>(stage);
        if (block.number > highest) ends.last = static_cast<int>(stage);
        highest = std::max(highest, block.number);
      }
  return ends;
}

std::vector<ChunkWork> blocks_of_stage(const TrainingConfig& config, int stage) {
  const auto tied = nn::tied_tensor(config.model);
  const int head = static_cast<int>(config.model.layers) + 1;
  const double times = config.has_exact_sums ? 1.5 : 1;  // half of the ring is in double
  std::vector<ChunkWork> work;
  for (const std::vector<int>& blocks : blocks_of(config, stage)) {
    ChunkWork& chunk = work.emplace_back();
    for (const int block : std::views::reverse(blocks)) {
      BlockWork& added = chunk.blocks.emplace_back();
      added.number = block;
      added.share = 1.0 / static_cast<double>(blocks.size());
      added.bytes = times * bytes_of(size_of_block(config, stage, block));
      if (tied && (block == 0 || block == head)) added.tied_bytes = bytes_of(tied->shape.size());
    }
  }
  if (config.splits_head)
    work[0].rows =
        BlockWork{.number = rows_block_of(config),
                  .bytes = times * bytes_of(size_of_block(config, stage, rows_block_of(config)))};
  return work;
}

StepWork step_of(const TrainingConfig& config, StageWork stages) {
  StepWork work{plan_of(config),
                std::move(stages),
                config.trains_alone() ? 1 : config.topology.pipelines,
                static_cast<double>(activation_bytes(config)),
                {},
                {}};
  if (!config.splits_head) return work;
  for (int stage = 0; stage < config.topology.stages; ++stage) {
    work.scores_bytes.push_back(bytes_of(scores_size(config, stage)));
    work.factors_bytes.push_back(bytes_of(factors_size(config, stage)));
  }
  return work;
}

}  // namespace pipeline
