#include "tests/pipeline/trial.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "nn/base/error.h"
#include "tests/faulty_disk.h"
#include "tests/pipeline/play.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

// Sums in another order change weights more than losses: an optimizer divides small gradients by
// their own size.
constexpr double weights_tolerance = 1e-4;

bool is_close(const std::vector<nn::real>& a, const std::vector<nn::real>& b) {
  return std::ranges::equal(
      a, b, [](nn::real one, nn::real other) { return std::abs(one - other) < weights_tolerance; });
}

bool is_close(const std::map<int, double>& a, const std::map<int, double>& b) {
  return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
    return one.first == other.first && std::abs(one.second - other.second) < 1e-5;
  });
}

}  // namespace

Trials::Trial Trials::run(std::uint64_t seed) {
  Dice dice(seed);
  return run(draw_scenario(dice), dice);
}

Trials::Trial Trials::run(const Scenario& scenario, Dice& dice) {
  Trial trial;
  const TrainingConfig& config = scenario.config;
  const tools::TemporaryFolder folder;
  VirtualTime time;
  SimulatedTraining training(config, folder.path, time);
  try {
    training.newcomers = scenario.newcomers;
    training.plan = scenario.plan;
    bool is_done = false;
    for (const Start& start : scenario.starts) {
      SimulatedNetwork network(time, dice, scenario.weather);
      const auto disk =
          std::make_shared<FaultyDisk>(folder.path, start.disk_operation, start.disk_fault);
      Play play(start, network, training, time, *disk);
      is_done = play.judge(config, training.start(network, disk)) == config.steps;
      if (play.has_lost_power())
        disk->lose_power(dice.one_of<FaultyDisk::Survival>({FaultyDisk::Survival::none,
                                                            FaultyDisk::Survival::all,
                                                            FaultyDisk::Survival::some}),
                         dice.below(1 << 30));
      ++trial.starts;
      trial.faults += play.faults();
      trial.trace = trial.trace * 31 + network.trace;
    }
    demand(is_done, "the last start did not end the training");
    demand(agree(config, training.results()), "the results differ");
  } catch (const BrokenPromise& broken) {
    trial.finding = nn::concat(broken.what(), " (", scenario.text(), ')');
  }
  return trial;
}

// Bit for bit, except for sums of gradients that are added in the order of pipelines that come and
// go.
bool Trials::agree(const TrainingConfig& config, const Results& results) {
  if (!config.is_elastic) return results == undisturbed(config);
  TrainingConfig single = config;
  single.is_elastic = false;
  single.microbatches *= std::exchange(single.topology.pipelines, 1);
  const Results& expected = undisturbed(single);
  const bool are_replicas =
      !results.weights.empty() &&
      std::ranges::all_of(results.weights, [&](const std::vector<nn::real>& weights) {
        return weights == results.weights.front();
      });
  if (!are_replicas || !config.has_exact_sums)
    return are_replicas && is_close(results.losses, expected.losses) &&
           is_close(results.validations, expected.validations) &&
           is_close(results.weights.front(), expected.weights.front());
  return results.losses == expected.losses && results.validations == expected.validations &&
         results.weights.front() == expected.weights.front();
}

const Results& Trials::undisturbed(TrainingConfig config) {
  config.topology.stages = config.chunks = 1;
  config.schedule = "gpipe";
  config.cut = {static_cast<int>(config.model.layers)};
  const auto [place, is_new] = undisturbed_.try_emplace(terms(config));
  if (!is_new) return place->second;
  const tools::TemporaryFolder folder;
  VirtualTime time;
  Dice dice(0);
  SimulatedNetwork network(time, dice, SimulatedNetwork::Weather{});
  SimulatedTraining training(config, folder.path, time);
  training.start(network, std::make_shared<FaultyDisk>(folder.path));
  place->second = training.results();
  // Pipelines that average gradients add up in another order than a single process.
  if (config.topology.pipelines > 1 && !config.trains_alone()) {
    config.microbatches *= std::exchange(config.topology.pipelines, 1);
    config.shares_moments = false;
    demand(is_close(place->second.losses, undisturbed(config).losses),
           "the pipelines do not train like a single process");
  }
  return place->second;
}

}  // namespace pipeline
