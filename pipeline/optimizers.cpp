#include "pipeline/optimizers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "nn/base/error.h"
#include "nn/base/named_row.h"
#include "nn/gradient_norm.h"

namespace pipeline {

using nn::demand;

namespace {

std::unique_ptr<nn::Optimizer> make_adam(double learning_rate) {
  return std::make_unique<nn::Adam>(learning_rate);
}

std::unique_ptr<nn::Optimizer> make_sgd(double learning_rate) {
  return std::make_unique<nn::Sgd>(learning_rate);
}

}  // namespace

std::span<const OptimizerEntry> optimizer_table() {
  static constexpr std::array table{OptimizerEntry{"adam", 2, 0, make_adam},
                                    OptimizerEntry{"adamw", 2, 0.01, make_adam},
                                    OptimizerEntry{"sgd", 0, 0, make_sgd}};
  return table;
}

const OptimizerEntry& optimizer_named(std::string_view name) {
  return nn::row_named(optimizer_table(), name, "optimizer");
}

void require_valid_updates(const TrainingConfig& config) {
  optimizer_named(config.optimizer);
  demand(config.learning_rate > 0 && std::isfinite(config.learning_rate),
         "the learning rate must be positive and finite", "--lr 8e-4");
  demand(config.warmup == 0 || (config.warmup > 0 && config.warmup < config.steps),
         "the warm-up does not fit into the steps", "choose --warmup from 0 to below --steps");
  demand(config.lowest_rate == 0 || config.warmup > 0,
         "without a warm-up the learning rate does not fall to --lr-floor", "--warmup 100");
  demand(config.lowest_rate >= 0 && config.lowest_rate <= config.learning_rate,
         "the learning rate cannot fall to this --lr-floor", "choose it from 0 to --lr");
  demand(config.weight_decay >= 0 && std::isfinite(config.weight_decay),
         "the weight decay must be positive and finite, or 0 for none", "--weight-decay 0.1");
  demand(config.weight_decay == 0 || config.optimizer != "adam",
         "--weight-decay does not go with Adam", "choose --optimizer adamw");
  demand(config.learning_rate * config.weight_decay <= 1,
         "--lr times --weight-decay is more than 1: a step would turn the weights around",
         "choose a smaller --weight-decay");
}

nn::LearningRate learning_rate_of(const TrainingConfig& config) {
  if (config.warmup == 0) return nn::constant_rate(config.learning_rate);
  return nn::warmup_cosine_rate(config.learning_rate, config.warmup, config.steps,
                                config.lowest_rate);
}

std::vector<Segment> decaying_parts(const nn::LanguageModel& model, int block) {
  const auto [first, size] = model.range(block);
  std::vector<Segment> parts;
  for (const auto& [name, shape, offset] : model.parameters().infos())
    if (shape.rank() >= 2 && offset >= first && offset < first + size)
      parts.push_back(
          {static_cast<std::size_t>(offset - first), static_cast<std::size_t>(shape.size())});
  return parts;
}

void decay(std::span<nn::real> values, std::size_t first, std::span<const Segment> parts,
           double learning_rate, double decay, nn::Team& team) {
  for (const Segment& part : parts) {
    const std::size_t begin = std::max(part.first, first);
    const std::size_t end = std::min(part.first + part.length, first + values.size());
    if (begin < end)
      nn::scale(values.subspan(begin - first, end - begin), 1 - learning_rate * decay, team);
  }
}

}  // namespace pipeline
