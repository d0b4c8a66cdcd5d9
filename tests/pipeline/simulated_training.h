#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/text/tokens.h"
#include "nn/base/storage.h"
#include "nn/real.h"
#include "pipeline/training_config.h"
#include "tests/pipeline/simulated_folder.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/virtual_time.h"

namespace pipeline {

// What came out of a training: the same bits, whatever happened meanwhile.
struct Results {
  std::map<int, double> losses, validations;        // after so many steps
  std::vector<std::vector<nn::real>> weights = {};  // of each pipeline at the end
  bool operator==(const Results&) const = default;
};

// How a rank's process ended.
struct Ending {
  enum How { done, lost_another, failed, crashed, hung };
  int rank = 0;
  How how = hung;
  std::string message = {};
  int steps = 0;
  VirtualTime::Clock::time_point time = {};
};

enum class Phase { agreeing, meeting, training, saving, parting };

// Ranks that train as pipeline_worker does, on a simulated network: they meet in a folder, resume
// from the newest checkpoint, save one after every second step, evaluate, and stop after a whole
// step if one is told to. In an elastic training (simulated_elastic.cpp) a lost rank is soon
// started again, and more pipelines may come.
class SimulatedTraining {
 public:
  static constexpr std::chrono::milliseconds heartbeat{600}, deadline{6'000};
  static constexpr int save_every = 2;

  SimulatedTraining(TrainingConfig config, std::filesystem::path folder, VirtualTime& time);

  // Starts all ranks and returns how they ended: in an elastic training every process, and the last
  // one of each rank is done or hangs.
  std::vector<Ending> start(SimulatedNetwork& network, std::shared_ptr<nn::Storage> disk);

  // Pipelines of an elastic training that come after the others.
  struct Newcomers {
    int pipelines = 0;
    std::chrono::milliseconds delay{};
  };
  Newcomers newcomers;
  std::map<int, std::vector<int>> plan;  // whose history it plays again; see Shape

  // Observers.
  std::function<void(int rank, Phase phase)> on_phase = [](int, Phase) {};
  std::function<bool(int rank, int steps)> is_told_to_stop = [](int, int) { return false; };

  const Results& results() const { return results_; }
  std::string contradiction;  // a result that an earlier start had otherwise; empty if none
  int steps_lost = 0;         // of an elastic training: it went back to a checkpoint

 private:
  struct Rank;
  struct World;
  class Process;
  std::vector<Ending> start_elastic(SimulatedNetwork& network, std::shared_ptr<nn::Storage> disk);
  void keep_alive(World& world, int seat, std::vector<Ending>& endings);
  void train(Rank& rank);
  std::uint64_t meet(SharedFolder& folder, int rank, int ranks, std::chrono::milliseconds patience,
                     const std::atomic<bool>* stop = nullptr);
  void record(std::map<int, double>& numbers, int steps, double number);

  TrainingConfig config_;
  std::filesystem::path folder_;
  VirtualTime& time_;
  const std::vector<std::uint16_t> text_;
  const data::SplitWindows windows_;
  Folders folders_;
  int processes_ = 0;       // so far
  int steps_done_ = 0;      // of an elastic training
  bool has_ended_ = false;  // the same, in this start: a process that comes finds a model
  Results results_;
  // Of an elastic training: the blocks of the pipelines that were there at the end.
  std::map<int, std::map<int, std::vector<nn::real>>> blocks_;
};

}  // namespace pipeline
