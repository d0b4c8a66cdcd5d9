#include "pipeline/split_head/head_layout.h"

#include "nn/base/error.h"
#include "nn/ops/class_blocks.h"
#include "pipeline/split_head/head_share.h"

namespace pipeline {

void require_divisible_head(const TrainingConfig& config) {
  if (!config.splits_head) return;
  if (!config.model.kind().norm)
    throw nn::InputError(
        nn::concat("--split-head cannot split the head of a ", config.model.kind().name,
                   ", which shares its weights with the embedding"),
        "leave --split-head out");
  const int most = most_head_shares(config.model.vocab_size);
  if (config.topology.stages > most)
    throw nn::InputError(
        nn::concat("a head of ", config.model.vocab_size, " tokens cannot be split over ",
                   config.topology.stages, " stages"),
        nn::concat("every stage takes ", nn::ClassBlocks::width, " tokens or more: choose ", most,
                   most == 1 ? " stage" : " stages", " at most, or leave --split-head out"));
}

int rows_block_of(const TrainingConfig& config) {
  return static_cast<int>(config.model.layers) + 2;
}

int count_blocks(const TrainingConfig& config) {
  return rows_block_of(config) + (config.splits_head ? 1 : 0);
}

std::optional<nn::HeadRows> rows_of(const TrainingConfig& config, int stage) {
  if (!config.splits_head) return {};
  return rows_of_share(config.model.vocab_size, config.topology.stages, stage);
}

std::size_t size_of_block(const TrainingConfig& config, int stage, int block) {
  const std::size_t width = config.model.hidden_size;
  if (block == rows_block_of(config)) return rows_of(config, stage)->count * width;
  const std::size_t size = block_size(config.model, block);
  const bool is_norm = config.splits_head && block + 1 == rows_block_of(config);
  return is_norm ? size - config.model.vocab_size * width : size;
}

StageCosts split_head_costs(const TrainingConfig& config) {
  const int stages = config.topology.stages;
  const double width = static_cast<double>(config.model.hidden_size);
  const double layer = static_cast<double>(block_size(config.model, 1)) + width * config.length;
  const double part = layer * static_cast<double>(config.model.layers) / (stages * config.chunks);
  StageCosts costs = uniform_costs(stages, config.chunks, {part, part, part});
  for (int stage = 0; stage < stages; ++stage) {
    const double rows = static_cast<double>(rows_of(config, stage)->count);
    costs[stage][0].scores = 2 * rows * width;
    costs[stage][0].head = rows * width;
  }
  return costs;
}

namespace {

Scores scores_layout(const TrainingConfig& config, int stage) {
  const nn::index tokens = static_cast<nn::index>(config.sequences()) * config.length;
  return scores_of(*rows_of(config, stage), tokens, config.model.hidden_size);
}

}  // namespace

std::size_t scores_size(const TrainingConfig& config, int stage) {
  return scores_layout(config, stage).size();
}

std::size_t factors_size(const TrainingConfig& config, int stage) {
  const Scores layout = scores_layout(config, stage);
  return static_cast<std::size_t>(layout.blocks * layout.n);
}

std::size_t loss_scores_size(const TrainingConfig& config, int stage) {
  return scores_of(*rows_of(config, stage), config.length, 0).size_for_loss();
}

int input_part(const TrainingConfig& config, int stage) {
  return config.topology.stages * config.chunks + stage;
}

int scores_part(const TrainingConfig& config, int stage) {
  return config.topology.stages * (config.chunks + 1) + stage;
}

Tag head_input_tag(const TrainingConfig& config, int stage, int step, int microbatch) {
  return {Tag::activation, step, microbatch, input_part(config, stage)};
}

}  // namespace pipeline
