#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>

#include "nn/optimizer.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

constexpr double clip_norm = 0.5;  // the gradients of the toys are larger

struct Clipped {
  std::vector<double> norms;  // of each step
  std::vector<nn::real> weights;
};

Clipped train_clipped(TrainingConfig config, double largest = clip_norm) {
  config.clip_norm = largest;
  Clipped result;
  auto stages = toy::as_ranks(config, "clip", [&](toy::Rank rank) {
    std::vector<double> norms;
    for (int step = 0; step < config.steps; ++step) {
      rank.worker.step(step);
      norms.push_back(rank.worker.gradients().norm());
    }
    if (rank.rank == config.topology.ranks() - 1) result.norms = norms;
  });
  result.weights = toy::weights_of(stages, config);
  CHECK(result.weights == toy::weights_of(stages, config, config.topology.pipelines - 1));
  return result;
}

}  // namespace

TEST_CASE("clipped gradients have the same bits for every schedule and cut") {
  for (const nn::ModelFamily& family : nn::families()) {
    CAPTURE(family.name);
    for (int pipelines : {1, 2}) {
      const Clipped one = train_clipped(toy::config_of("gpipe", 1, pipelines, 3, family));
      for (double norm : one.norms) CHECK(norm > clip_norm);
      CHECK(one.weights !=
            train_clipped(toy::config_of("gpipe", 1, pipelines, 3, family), 0).weights);
      for (const ScheduleEntry& schedule : schedule_table())
        for (int stages : {2, 3, 6}) {
          CAPTURE(schedule.name);
          CAPTURE(stages);
          const Clipped result =
              train_clipped(toy::config_of(schedule.name, stages, pipelines, 3, family));
          CHECK(result.norms == one.norms);
          CHECK(result.weights == one.weights);
        }
    }
  }
}

TEST_CASE("a norm that is never reached changes nothing") {
  const TrainingConfig config = toy::config_of("1f1b", 3, 2, 3);
  CHECK(train_clipped(config, 1e9).weights == train_clipped(config, 0).weights);
}

TEST_CASE("a pipeline clips as clip_gradients does, and counts a tied weight once") {
  for (const nn::ModelFamily& family : nn::families()) {
    CAPTURE(family.name);
    TrainingConfig config = toy::config_of("1f1b", 3, 2, 2, family);
    config.steps = 1;
    config.clip_norm = clip_norm;
    nn::LanguageModel model(config.model, config.seed);
    const std::vector<std::uint16_t> text = toy::some_text();
    for (int window = 0; window < config.batch; ++window) {
      std::vector<int> ids(text.begin() + window * toy::length,
                           text.begin() + (window + 1) * toy::length);
      std::vector<int> next(ids.begin() + 1, ids.end());
      next.push_back(-1);
      nn::Tape tape;
      tape.backward(nn::cross_entropy(model.logits(tape, ids, toy::length), next),
                    nn::real(1) / static_cast<nn::real>(config.batch));
    }
    std::vector<nn::real> expected(model.parameters().gradients().begin(),
                                   model.parameters().gradients().end());
    const auto copy = [&](int block) {
      const auto [offset, size] = model.tied_range(block).value();
      return std::span(expected).subspan(offset, size);
    };
    const int head = model.head_block();
    std::vector<nn::real> once = expected;  // each weight once
    if (model.tied_range(head)) {
      std::ranges::transform(copy(0), copy(head), copy(0).begin(), std::plus<>());
      once = expected;
      const auto [offset, size] = model.tied_range(head).value();
      std::fill_n(once.begin() + offset, size, nn::real(0));
      std::ranges::copy(copy(0), copy(head).begin());
    }
    const double norm = nn::clip_gradients(once, clip_norm);
    std::mutex mutex;
    toy::as_ranks(config, "plain", [&](toy::Rank rank) {
      rank.worker.step(0);
      const std::lock_guard lock(mutex);
      CHECK(rank.worker.gradients().norm() == doctest::Approx(norm).epsilon(1e-6));
      for (int block = 0; block <= head; ++block) {
        const auto [offset, size] = model.range(block);
        if (rank.stage.model().range(block).size == 0) continue;
        const auto means = rank.worker.gradients().optimizer_state(block).arrays[0].values;
        for (nn::index i = 0; i < size; ++i)  // after one step: a tenth of the clipped gradient
          CHECK(std::abs(static_cast<double>(means[i]) -
                         0.1 * static_cast<double>(expected[offset + i]) * clip_norm / norm) <
                1e-6);
      }
    });
  }
}

}  // namespace pipeline
