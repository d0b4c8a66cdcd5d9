#include "pipeline/handover.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "pipeline/optimizers.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

// Three pipelines of two stages.
TrainingConfig elastic_config() {
  TrainingConfig config = toy::config_of("1f1b", 2, 3, 2);
  config.is_elastic = true;
  config.steps = 6;
  return config;
}

void forget_state(const TrainingConfig& config, toy::Rank rank) {
  std::ranges::fill(rank.stage.model().parameters().values(), nn::real(0));
  Gradients::Optimizers optimizers;
  for (int block : rank.stage.all_blocks())
    optimizers[block] = optimizer_named(config.optimizer).make(config.learning_rate);
  rank.worker.gradients().give_optimizers(std::move(optimizers));
}

}  // namespace

TEST_CASE("the source of a state is the first rank of the stage that has one") {
  const TrainingConfig config = elastic_config();
  using Ranks = std::vector<int>;
  const std::vector<bool> states{false, true, true, true, true, false};
  CHECK(source_of(config, states, 0) == 2);
  CHECK(source_of(config, states, 1) == 1);
  CHECK(handover_links(config, states, 0) == Ranks{2});
  CHECK(handover_links(config, states, 2) == Ranks{0});
  CHECK(handover_links(config, states, 4).empty());
  CHECK(handover_links(config, states, 5) == Ranks{1});
  CHECK(source_of(config, std::vector<bool>(6, true), 0) == -1);
  CHECK(source_of(config, std::vector<bool>(6, false), 0) == -1);
}

TEST_CASE("ranks that come get weights and moments, and train on with the same bits") {
  const TrainingConfig config = elastic_config();
  std::deque<Stage> undisturbed = toy::as_ranks(config, "whole", [&](toy::Rank rank) {
    for (int step = 0; step < config.steps; ++step) rank.worker.step(step);
  });
  const std::vector<bool> states{true, true, false, false, true, false};
  std::deque<Stage> disturbed = toy::as_ranks(config, "handover", [&](toy::Rank rank) {
    for (int step = 0; step < 3; ++step) rank.worker.step(step);
    int skipped = 7;
    if (!states[rank.rank]) forget_state(config, rank), skipped = 0;
    rank.mailbox.begin_step(3);
    hand_over(config, states, rank.mailbox, rank.stage, rank.worker.gradients(), skipped, 3);
    if (skipped != 7) throw nn::Error("the number of skipped steps did not arrive");
    for (int step = 3; step < config.steps; ++step) rank.worker.step(step);
  });
  for (int pipeline = 0; pipeline < 3; ++pipeline)
    CHECK(toy::weights_of(disturbed, config, pipeline) == toy::weights_of(undisturbed, config));
}

TEST_CASE("in elastic runs every rank knows the loss of a step, with the bits of other runs") {
  TrainingConfig config = elastic_config();
  config.has_exact_sums = true;
  std::vector<std::vector<double>> losses(6, std::vector<double>(config.steps));
  const auto train = [&](toy::Rank rank) {
    for (int step = 0; step < config.steps; ++step)
      losses[rank.rank][step] = rank.worker.step(step).value_or(0);
  };
  toy::as_ranks(config, "elastic", train);
  const std::vector<double> elastic = losses[0];
  for (const std::vector<double>& each : losses) CHECK(each == elastic);
  config.is_elastic = false;
  toy::as_ranks(config, "plain", train);
  CHECK(losses[recorder_of(config)] == elastic);
}

}  // namespace pipeline
