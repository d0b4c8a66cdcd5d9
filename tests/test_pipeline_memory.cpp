#include <doctest/doctest.h>

#include "tests/toy_training.h"

namespace pipeline {

namespace {

struct Result {
  std::vector<double> losses;  // of each step
  std::vector<nn::real> weights;
};

Result train(const TrainingConfig& config) {
  Result result;
  auto stages = toy::as_ranks(config, "memory", [&](toy::Rank rank) {
    for (int step = 0; step < config.steps; ++step) {
      const auto loss = rank.worker.step(step);
      if (rank.rank == config.topology.recorder()) result.losses.push_back(loss.value());
    }
  });
  result.weights = toy::weights_of(stages, config);
  CHECK(result.weights == toy::weights_of(stages, config, config.topology.pipelines - 1));
  return result;
}

// Calls f(config) for every kind of model and schedule on 1, 2 and 3 stages.
template <class Function>
void each_config(int pipelines, Function f) {
  for (const nn::ModelFamily& family : nn::families())
    for (const ScheduleEntry& schedule : schedule_table())
      for (int stages : {1, 2, 3}) {
        CAPTURE(family.name);
        CAPTURE(schedule.name);
        CAPTURE(stages);
        f(toy::config_of(schedule.name, stages, pipelines, 3, family));
      }
}

}  // namespace

TEST_CASE("layers that are recomputed train the same bits") {
  for (int pipelines : {1, 2})
    each_config(pipelines, [](TrainingConfig config) {
      const Result plain = train(config);
      config.recomputes = true;
      const Result recomputed = train(config);
      CHECK(recomputed.losses == plain.losses);
      CHECK(recomputed.weights == plain.weights);
    });
}

}  // namespace pipeline
