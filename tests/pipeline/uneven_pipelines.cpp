#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/complaint.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

using toy::learn, toy::Learnt;

namespace {

// With gradient descent: Adam would amplify what rounding changes.
TrainingConfig config_of_descent(std::string_view schedule, int stages, int pipelines,
                                 std::string_view family = "llama") {
  TrainingConfig config = toy::config_of_three(schedule, stages, pipelines, family);
  config.optimizer = "sgd";
  config.learning_rate = 0.5;
  return config;
}

void check_same_up_to_rounding(const TrainingConfig& config, const Learnt& whole) {
  const Learnt learnt = learn(config);
  REQUIRE(learnt.losses.size() == whole.losses.size());
  for (std::size_t step = 0; step < whole.losses.size(); ++step)
    CHECK(learnt.losses[step] == doctest::Approx(whole.losses[step]).epsilon(1e-5));
  REQUIRE(learnt.weights.size() == whole.weights.size());
  double largest = 0;
  for (std::size_t i = 0; i < whole.weights.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(learnt.weights[i]) -
                                         static_cast<double>(whole.weights[i])));
  CHECK(largest < 1e-5);
}

std::vector<int> counts(TrainingConfig config, int pipelines) {
  config.topology.pipelines = pipelines;
  std::vector<int> counts;
  int next = 0;
  for (int pipeline = 0; pipeline < pipelines; ++pipeline) {
    const auto [first, count] = microbatches_of(config, pipeline);
    CHECK(first == next);
    next += count;
    counts.push_back(count);
  }
  return counts;
}

}  // namespace

TEST_CASE("pipelines share out a step's microbatches, the first ones get one more") {
  const TrainingConfig config{.microbatches = 3, .full_pipelines = 3, .batch = 9};
  CHECK(counts(config, 1) == std::vector{9});
  CHECK(counts(config, 2) == std::vector{5, 4});
  CHECK(counts(config, 3) == std::vector{3, 3, 3});
  CHECK(counts(config, 4) == std::vector{3, 2, 2, 2});
  CHECK(counts(config, 9) == std::vector(9, 1));
}

TEST_CASE("any number of pipelines learns what three learn from the same batch") {
  for (const char* schedule : {"gpipe", "1f1b", "interleaved-zb", "zb-v"})
    for (const char* family : {"llama", "gpt2"}) {
      const Learnt whole = learn(config_of_descent(schedule, 2, 3, family));
      for (int pipelines : {1, 2, 4, 6}) {
        CAPTURE(schedule);
        CAPTURE(family);
        CAPTURE(pipelines);
        check_same_up_to_rounding(config_of_descent(schedule, 2, pipelines, family), whole);
      }
    }
}

TEST_CASE("the options of a training work with uneven pipelines") {
  const auto check = [](const char* what, const std::function<void(TrainingConfig&)>& set) {
    CAPTURE(what);
    TrainingConfig config = config_of_descent("zb-h1", 3, 3);
    set(config);
    const Learnt whole = learn(config);
    for (int pipelines : {1, 4}) {
      config.topology.pipelines = pipelines;
      check_same_up_to_rounding(config, whole);
    }
  };
  check("clip-norm", [](TrainingConfig& config) { config.clip_norm = 0.1; });
  check("skip-bad-steps", [](TrainingConfig& config) { config.skips_bad_steps = true; });
  check("recompute", [](TrainingConfig& config) { config.recomputes = true; });
  check("zero1", [](TrainingConfig& config) { config.shares_moments = true; });
  check("split-head", [](TrainingConfig& config) {
    config.model.vocab_size = 4500;
    config.splits_head = true;
  });
}

TEST_CASE("pipelines that cannot share a batch are refused") {
  const auto refusal = [](const TrainingConfig& config) {
    return complaint_of([&] { require_valid(config); });
  };
  CHECK(refusal({.topology = {1, 3}, .microbatches = 1, .full_pipelines = 2, .batch = 2}) ==
        "3 pipelines cannot share 2 microbatches");
  CHECK(refusal({.full_pipelines = -1}) == "the number of pipelines cannot be negative");
  CHECK(refusal({.full_pipelines = 2}) ==
        "a batch of 3 sequences does not divide into 3 microbatches for each of 2 pipelines");
  TrainingConfig config;
  give_plan(config, find_schedule("1f1b")->plan(2, 3), "file");
  config.full_pipelines = 2;
  config.batch = 6;
  CHECK(refusal(config) ==
        "the microbatches of 2 pipelines cannot be shared out to 1, as a schedule from a file has "
        "a fixed number of them");
  config.topology.pipelines = 2;
  CHECK(refusal(config) == "nothing");
}

}  // namespace pipeline
