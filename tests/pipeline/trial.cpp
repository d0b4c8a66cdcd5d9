#include "tests/pipeline/trial.h"

#include <chrono>
#include <memory>
#include <vector>

#include "nn/base/error.h"
#include "tests/faulty_disk.h"
#include "tests/pipeline/play.h"
#include "tests/pipeline/scenario.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

Trials::Trial Trials::run(std::uint64_t seed) {
  Trial trial;
  Dice dice(seed);
  const Scenario scenario = draw_scenario(dice);
  const TrainingConfig& config = scenario.config;
  const tools::TemporaryFolder folder;
  VirtualTime time;
  SimulatedTraining training(config, folder.path, time);
  try {
    bool is_done = false;
    for (const Start& start : scenario.starts) {
      SimulatedNetwork network(time, dice, scenario.weather);
      const auto disk =
          std::make_shared<FaultyDisk>(folder.path, start.disk_operation, start.disk_fault);
      Play play(start, network, training, time, *disk);
      is_done = play.judge(training.start(network, disk)) == config.steps;
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
    demand(training.results() == undisturbed(config), "the results differ");
  } catch (const BrokenPromise& broken) {
    trial.finding = nn::concat(broken.what(), " (", scenario.text(), ')');
  }
  return trial;
}

const Results& Trials::undisturbed(TrainingConfig config) {
  config.topology.stages = config.chunks = 1;
  config.schedule = "gpipe";
  config.cut = {static_cast<int>(config.model.layers)};
  const std::string key = terms(config);
  if (const auto known = undisturbed_.find(key); known != undisturbed_.end()) return known->second;
  const tools::TemporaryFolder folder;
  VirtualTime time;
  Dice dice(0);
  SimulatedNetwork network(time, dice, SimulatedNetwork::Weather{});
  SimulatedTraining training(config, folder.path, time);
  training.start(network, std::make_shared<FaultyDisk>(folder.path));
  return undisturbed_[key] = training.results();
}

}  // namespace pipeline
