#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/complaint.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

using toy::config_of_six;

namespace {

// Spoils a gradient of a block in its second step, on one rank.
void spoil(toy::Rank rank, int step, int block, nn::real with) {
  const auto [offset, size] = rank.stage.model().range(block);
  if (step == 1 && size > 0) rank.stage.model().parameters().gradients()[offset + size / 2] = with;
}

}  // namespace

TEST_CASE("a gradient that is not finite stops the run, with its step, stage and block") {
  const nn::real infinity = std::numeric_limits<nn::real>::infinity();
  const TrainingConfig config = config_of_six("1f1b", 3, 2);
  const auto complaint = [&](int block, nn::real with) {
    return complaint_of([&] {
      toy::as_ranks(config, "bad", [&](toy::Rank rank) {
        for (int step = 0; step < 4; ++step) {
          if (config.topology.pipeline(rank.rank) == 1) spoil(rank, step, block, with);
          rank.worker.step(step);
        }
      });
    });
  };
  CHECK(complaint(0, NAN) == "a gradient of step 2 is not finite, in the embedding on stage 0");
  CHECK(complaint(3, -infinity) == "a gradient of step 2 is not finite, in layer 2 on stage 1");
  CHECK(complaint(7, infinity) == "a gradient of step 2 is not finite, in the head on stage 2");
}

TEST_CASE("a bad step is skipped on all ranks") {
  for (const auto& [pipelines, family, clip_norm] :
       {std::tuple{1, "llama", 0.0}, {2, "llama", 0.5}, {1, "gpt2", 0.5}, {2, "gpt2", 0.0}}) {
    TrainingConfig config = config_of_six("zb-h1", 3, pipelines, family);
    config.skips_bad_steps = true;
    config.clip_norm = clip_norm;
    const auto train = [&](int bad_block) {
      auto stages = toy::as_ranks(config, "left-out", [&](toy::Rank rank) {
        for (int step = 0; step < 4; ++step) {
          if (bad_block < 0 && step == 1) {  // all leave it out
            rank.mailbox.begin_step(step);
            sum_over_ranks(rank.mailbox, std::vector<double>(8), {Tag::verdict, step},
                           "leaving out");
            continue;
          }
          if (bad_block >= 0 && config.topology.pipeline(rank.rank) == 0)
            spoil(rank, step, bad_block, NAN);
          const auto loss = rank.worker.step(step);
          const bool has_loss = config.topology.stage(rank.rank) == 2 && step != 1;
          CHECK(loss.has_value() == has_loss);
          CHECK(rank.worker.steps_skipped == (bad_block >= 0 && step > 0));
        }
      });
      auto weights = toy::weights_of(stages, config);
      CHECK(weights == toy::weights_of(stages, config, pipelines - 1));
      return weights;
    };
    const std::vector<nn::real> expected = train(-1);
    for (int block : {0, 2, 4, 7}) CHECK(train(block) == expected);
  }
}

TEST_CASE("without bad steps, a run is the same whether they would be skipped or not") {
  TrainingConfig config = config_of_six("1f1b", 3, 2);
  const auto train = [&] {
    auto stages = toy::as_ranks(config, "good", [](toy::Rank rank) {
      for (int step = 0; step < 3; ++step) rank.worker.step(step);
    });
    return toy::weights_of(stages, config);
  };
  const std::vector<nn::real> plain = train();
  config.skips_bad_steps = true;
  CHECK(train() == plain);
}

}  // namespace pipeline
