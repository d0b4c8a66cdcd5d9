#include "tools/training/material.h"

#include <span>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "pipeline/prediction/paced_stage.h"
#include "pipeline/schedules/placement.h"
#include "pipeline/split_head/head_layout.h"

namespace training {

Material::Material(RankOptions& options)
    : text(data::open_text(options.text)),
      windows(
          data::split_windows(text.tokens.ids(), options.config.length, options.config.held_out)) {
  pipeline::TrainingConfig& config = options.config;
  config.model.vocab_size = text.tokens.vocabulary();
  pipeline::require_divisible_head(config);
  if (!options.init.empty()) init.emplace(options.init).require_fits(config.model);
  config.text = nn::concat(text.tokens.ids().size(), " tokens, checksum ",
                           nn::crc32c(std::as_bytes(text.tokens.ids())));
  description = windows.held_out
                    ? nn::concat(text.description, "; ", windows.held_out->count(), " of ",
                                 windows.training.count() + windows.held_out->count(),
                                 " windows are held out")
                    : text.description;
}

const data::Windows* Material::windows_of(const RankOptions& options) const {
  const pipeline::TrainingConfig& config = options.config;
  const pipeline::Placement placement = pipeline::placement_of(config);
  const int stage = config.topology.stage(options.rank);
  const bool reads =
      config.splits_head || stage == placement.first_stage() || stage == placement.last_stage();
  return reads ? &windows.training : nullptr;
}

void Material::make_stage(const RankOptions& options, std::unique_ptr<pipeline::Stage>& stage) {
  const pipeline::TrainingConfig& config = options.config;
  const int number = config.topology.stage(options.rank);
  if (options.rehearsal)
    stage = std::make_unique<pipeline::PacedStage>(config, number,
                                                   options.rehearsal->stages.at(number));
  else
    stage = std::make_unique<pipeline::Stage>(config.model, pipeline::blocks_of(config, number),
                                              config.length, config.seed, options.threads,
                                              config.recomputes, pipeline::rows_of(config, number));
  if (init) init->load(stage->model());
}

}  // namespace training
