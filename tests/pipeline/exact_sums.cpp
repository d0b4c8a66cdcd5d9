#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/complaint.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

using toy::learn, toy::Learnt;

namespace {

TrainingConfig config_of_exact(std::string_view schedule, int stages, int pipelines,
                               std::string_view family = "llama") {
  TrainingConfig config = toy::config_of_three(schedule, stages, pipelines, family);
  config.has_exact_sums = true;
  return config;
}

void check_same_bits(const Learnt& a, const Learnt& b) {
  const auto are_same = [](const auto& one, const auto& other) {
    return one.size() == other.size() &&
           std::memcmp(one.data(), other.data(), one.size() * sizeof one[0]) == 0;
  };
  CHECK(are_same(a.losses, b.losses));
  CHECK(are_same(a.weights, b.weights));
}

// Sets options, then trains with 1, 2, 3 and 4 pipelines of three stages.
void check_any_pipelines(const char* what, const std::function<void(TrainingConfig&)>& set) {
  CAPTURE(what);
  TrainingConfig config = config_of_exact("zb-h1", 3, 1);
  set(config);
  const Learnt one = learn(config);
  for (int pipelines : {2, 3, 4}) {
    CAPTURE(pipelines);
    config.topology.pipelines = pipelines;
    check_same_bits(learn(config), one);
  }
}

}  // namespace

TEST_CASE("with exact sums any pipelines, stages and schedule give the same bits") {
  for (const nn::ModelFamily& family : nn::families()) {
    CAPTURE(family.name);
    const Learnt serial = learn(config_of_exact("gpipe", 1, 1, family.name));
    for (const ScheduleEntry& schedule : schedule_table())
      for (const auto& [stages, pipelines] : {std::pair{2, 1}, {1, 2}, {3, 3}, {2, 4}, {1, 6}}) {
        CAPTURE(schedule.name);
        CAPTURE(stages);
        CAPTURE(pipelines);
        check_same_bits(learn(config_of_exact(schedule.name, stages, pipelines, family.name)),
                        serial);
      }
  }
}

TEST_CASE("the same microbatches may be cut for any number of pipelines") {
  TrainingConfig config = config_of_exact("1f1b", 2, 1);
  const Learnt three = learn(config);
  config.full_pipelines = 1;
  config.microbatches = 6;
  check_same_bits(learn(config), three);
  config.full_pipelines = config.topology.pipelines = 2;
  config.microbatches = 3;
  check_same_bits(learn(config), three);
}

TEST_CASE("exact sums give what plain ones give, but for rounding") {
  TrainingConfig config = config_of_exact("1f1b", 2, 2);
  config.optimizer = "sgd";
  config.learning_rate = 0.5;
  const Learnt exact = learn(config);
  config.has_exact_sums = false;
  const Learnt plain = learn(config);
  CHECK(exact.weights != plain.weights);
  for (std::size_t step = 0; step < plain.losses.size(); ++step)
    CHECK(exact.losses[step] == doctest::Approx(plain.losses[step]).epsilon(1e-6));
  for (std::size_t i = 0; i < plain.weights.size(); ++i)
    CHECK(exact.weights[i] == doctest::Approx(plain.weights[i]).epsilon(1e-5));
}

TEST_CASE("exact sums go with the other options of a training") {
  check_any_pipelines("clip-norm", [](TrainingConfig& config) { config.clip_norm = 0.1; });
  check_any_pipelines("clip-norm of tied weights", [](TrainingConfig& config) {
    config.model = toy::tiny_model(*nn::find_family("gpt2"));
    config.clip_norm = 0.1;
  });
  check_any_pipelines("skip-bad-steps",
                      [](TrainingConfig& config) { config.skips_bad_steps = true; });
  check_any_pipelines("recompute", [](TrainingConfig& config) { config.recomputes = true; });
  check_any_pipelines("zero1", [](TrainingConfig& config) { config.shares_moments = true; });
  check_any_pipelines("split-head", [](TrainingConfig& config) {
    config.model.vocab_size = 4500;
    config.splits_head = true;
    config.clip_norm = 0.1;
  });
  TrainingConfig recomputed = config_of_exact("gpipe", 3, 2);
  const Learnt kept = learn(recomputed);
  recomputed.recomputes = true;
  check_same_bits(learn(recomputed), kept);

  TrainingConfig refused = config_of_exact("gpipe", 3, 2);
  refused.shares_moments = true;
  refused.clip_norm = 1;
  CHECK(complaint_of([&] { require_valid(refused); }) ==
        "--exact-sums cannot clip gradients that --zero1 shares out");
}

TEST_CASE("a gradient that an exact sum cannot hold ends the run, or the step") {
  const auto train = [](bool skips, nn::real gradient) {
    TrainingConfig config = config_of_exact("1f1b", 2, 3);
    config.skips_bad_steps = skips;
    int skipped = 0;
    toy::as_ranks(config, "exact-bad", [&](toy::Rank rank) {
      for (int step = 0; step < config.steps; ++step) {
        if (step == 1 && rank.rank == 2) rank.stage.model().parameters().gradients()[5] = gradient;
        rank.worker.step(step);
      }
      if (rank.rank == 0) skipped = rank.worker.steps_skipped;
    });
    return skipped;
  };
  for (const nn::real gradient : {nn::real(1e4), std::numeric_limits<nn::real>::quiet_NaN()}) {
    CHECK(complaint_of([&] { train(false, gradient); }) ==
          "a gradient of step 2 is not below 1024, as --exact-sums needs it, in the embedding "
          "on stage 0");
    CHECK(train(true, gradient) == 1);
  }
  CHECK(train(true, 1000) == 0);
}

}  // namespace pipeline
