#include "tools/training/measure.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "nn/real.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/stage.h"
#include "pipeline/trace.h"

namespace training {

namespace {

using pipeline::Costs, pipeline::wall_time;

constexpr int tries = 4;

// Measures one block, alone in a stage.
Costs measure(const pipeline::TrainingConfig& config, int threads, int block,
              const std::function<void()>& pause) {
  pipeline::Stage stage(config.model, {{block}}, config.length, config.seed, threads,
                        config.recomputes);
  stage.set_precision(nn::precision_named(config.precision));
  const std::size_t tokens = static_cast<std::size_t>(config.sequences()) * config.length;
  const std::vector<int> ids(tokens, 1);
  const std::vector<nn::real> input(tokens * config.model.hidden_size, nn::real(0.1));
  const std::vector<nn::real> share{1};
  // If blocks are recomputed, other work usually comes between a layer's forward and its backward,
  // but not between the head's.
  const bool is_recomputed = config.recomputes && block != 0 && !stage.has_loss(0);
  Costs quickest{1e9, 1e9, 1e9};
  for (int i = 0; i <= tries; ++i) {
    pause();
    const double start = wall_time();
    stage.forward(0, 0, {ids, ids}, input);
    const double forward = wall_time();
    if (is_recomputed) stage.forward(0, 1, {}, input);
    const double second = wall_time();
    stage.backward(0, 0, stage.has_loss(0) ? std::span<const nn::real>(share) : input);
    const double backward = wall_time();
    stage.weights(0, 0, [](int) {});
    const double weights = wall_time();
    if (is_recomputed) {
      stage.backward(0, 1, input);
      stage.weights(0, 1, [](int) {});
    }
    if (i == 0) continue;
    quickest = {std::min(quickest.forward, forward - start),
                std::min(quickest.backward, backward - second),
                std::min(quickest.weights, weights - backward)};
  }
  return quickest;
}

}  // namespace

pipeline::BlockCosts measure_blocks(const pipeline::TrainingConfig& config, int threads,
                                    const std::function<void()>& pause) {
  const int head = static_cast<int>(config.model.layers) + 1;
  return {measure(config, threads, 0, pause),
          head > 1 ? measure(config, threads, 1, pause) : Costs{0, 0, 0},
          measure(config, threads, head, pause)};
}

double measure_adding() {
  const std::vector<nn::real> got(std::size_t{1} << 20);
  std::vector<nn::real> own(got.size());
  double quickest = 1e9;
  for (int i = 0; i <= tries; ++i) {
    const double start = wall_time();
    std::ranges::transform(own, got, own.begin(), std::plus<>());
    std::ranges::copy(got, own.begin());
    quickest = std::min(quickest, wall_time() - start);
  }
  return quickest / static_cast<double>(2 * got.size() * sizeof(nn::real));
}

}  // namespace training
