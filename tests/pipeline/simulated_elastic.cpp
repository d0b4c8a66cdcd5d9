#include <chrono>
#include <exception>
#include <utility>

#include "pipeline/split_head/head_layout.h"
#include "tests/pipeline/simulated_process.h"

// An elastic training: its processes, and a launcher that replaces lost ones.
namespace pipeline {

namespace {

constexpr std::chrono::milliseconds pause_of_launcher{500};  // before it replaces a lost rank
constexpr std::chrono::minutes longest_training{5};

}  // namespace

std::vector<Ending> SimulatedTraining::start_elastic(SimulatedNetwork& network,
                                                     std::shared_ptr<nn::Storage> disk) {
  World world{network, std::move(disk), SimulatedPlace(network, time_, folders_)};
  folders_.clear();
  blocks_.clear();
  has_ended_ = false;
  steps_done_ = steps_lost = 0;
  std::vector<Ending> endings;
  const int seats = config_.topology.ranks() + newcomers.pipelines * config_.topology.stages;
  const auto work = [&](int seat) { keep_alive(world, seat, endings); };
  time_.run(seats, work, longest_training);
  results_.weights.clear();
  for (const auto& [pipeline, blocks] : blocks_) {
    if (static_cast<int>(blocks.size()) < count_blocks(config_)) continue;
    std::vector<nn::real>& weights = results_.weights.emplace_back();
    for (const auto& [block, values] : blocks)
      weights.insert(weights.end(), values.begin(), values.end());
  }
  return endings;
}

// As a launcher does.
void SimulatedTraining::keep_alive(World& world, int seat, std::vector<Ending>& endings) {
  const auto sleep = [&](std::chrono::milliseconds duration) {
    try {
      time_.sleep(seat, duration);
    } catch (const VirtualTime::Over&) {
    }
  };
  if (seat >= config_.topology.ranks()) sleep(newcomers.delay);
  for (;; sleep(pause_of_launcher), world.network.restart(seat)) {
    Ending ending{.rank = seat};
    try {
      Process(*this, world, seat, ending).run();
      ending.how = Ending::done;
    } catch (const PeerLost& lost) {
      ending.how = Ending::lost_another;
      ending.message = lost.what();
    } catch (const std::exception& error) {
      ending.how = Ending::failed;
      ending.message = error.what();
    } catch (const SimulatedNetwork::Crashed&) {
      ending.how = Ending::crashed;
    } catch (const VirtualTime::Over&) {
    }
    ending.time = time_.now();
    endings.push_back(ending);
    if (ending.how == Ending::done || ending.how == Ending::hung) return;
  }
}

}  // namespace pipeline
