#include "tools/training/rehearsal.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "tools/training/costs_file.h"

namespace training {

namespace {

void refuse_with_rehearsal(bool is_given, const char* option) {
  nn::demand(!is_given, nn::concat("--rehearse does not go with ", option),
             nn::concat("leave ", option, " out"));
}

// In the order of stages, chunks and W; last a chunk's rows of a split head.
std::vector<int> numbers_of(const pipeline::StageWork& work) {
  std::vector<int> numbers;
  for (const auto& stage : work)
    for (const pipeline::ChunkWork& chunk : stage) {
      for (const pipeline::BlockWork& block : chunk.blocks) numbers.push_back(block.number);
      if (chunk.rows) numbers.push_back(chunk.rows->number);
    }
  return numbers;
}

std::string layout_of(const pipeline::StageWork& work) {
  std::string layout;
  for (const auto& stage : work) {
    layout += layout.empty() ? "" : ", ";
    for (std::size_t chunk = 0; chunk < stage.size(); ++chunk)
      layout += nn::concat(chunk > 0 ? "+" : "", stage[chunk].blocks.size());
  }
  return layout;
}

}  // namespace

void set_rehearsal(RankOptions& options, const std::filesystem::path& costs) {
  const pipeline::TrainingConfig& config = options.config;
  refuse_with_rehearsal(config.is_elastic, "--elastic");
  refuse_with_rehearsal(config.evaluate_every > 0, "--eval-every");
  refuse_with_rehearsal(config.sample_every > 0, "--sample-every");
  refuse_with_rehearsal(options.is_cut_measured, "--layers auto");
  MeasuredStep step = read_costs(costs);
  if (splits_head(step.stages) != config.splits_head)
    throw nn::InputError(nn::concat(costs.string(), " has costs of a ",
                                    config.splits_head ? "whole" : "split", " head"),
                         config.splits_head ? "leave --split-head out" : "give --split-head");
  pipeline::StageWork own;
  for (int stage = 0; stage < config.topology.stages; ++stage)
    own.push_back(blocks_of_stage(config, stage));
  if (const std::string theirs = layout_of(step.stages), ours = layout_of(own); theirs != ours)
    throw nn::InputError(
        nn::concat(costs.string(), " has costs of stages with ", theirs,
                   " blocks, but the run's have ", ours),
        "give the --stages, --depth, --layers and --chunks of the run they are from");
  if (numbers_of(step.stages) != numbers_of(own))
    throw nn::InputError(nn::concat(costs.string(), " has other blocks in its stages and chunks"),
                         "give the --schedule and --layers of the run they are from");
  options.rehearsal = std::move(step);
  options.is_resumed = false;
  options.checkpoint_every = 0;
}

}  // namespace training
