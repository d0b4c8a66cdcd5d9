#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "nn/base/storage.h"
#include "pipeline/training_config.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/virtual_time.h"

namespace pipeline {

// What came out of a training: the same bits, whatever happened meanwhile.
struct Results {
  std::map<int, double> losses, validations;        // after so many steps
  std::vector<std::vector<nn::real>> weights = {};  // of each pipeline
  bool operator==(const Results&) const = default;
};

// How a rank's process ended.
struct Ending {
  enum How { done, lost_another, failed, crashed, hung };
  How how = hung;
  std::string message = {};
  int steps = 0;
  VirtualTime::Clock::time_point time = {};
};

enum class Phase { meeting, training, saving, parting };

// Ranks that train as pipeline_worker does, on a simulated network: they resume from the newest
// checkpoint, save one after every second step, evaluate, and stop after a whole step if one is
// told to.
class SimulatedTraining {
 public:
  static constexpr std::chrono::milliseconds heartbeat{600}, deadline{6'000};

  SimulatedTraining(TrainingConfig config, std::filesystem::path folder, VirtualTime& time)
      : config_(std::move(config)), folder_(std::move(folder)), time_(time) {}

  // Starts all ranks and returns how they ended.
  std::vector<Ending> start(SimulatedNetwork& network, std::shared_ptr<nn::Storage> disk);

  // Observers.
  std::function<void(int rank, Phase phase)> on_phase = [](int, Phase) {};
  std::function<bool(int rank, int steps)> is_told_to_stop = [](int, int) { return false; };

  const Results& results() const { return results_; }
  std::string contradiction;  // a result that an earlier start had otherwise; empty if none

 private:
  struct Rank;
  void train(Rank& rank);
  void record(std::map<int, double>& numbers, int steps, double number);

  TrainingConfig config_;
  std::filesystem::path folder_;
  VirtualTime& time_;
  std::uint64_t run_ = 0;
  Results results_;
};

}  // namespace pipeline
