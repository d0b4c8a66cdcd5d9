#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/members/members.h"
#include "pipeline/stage_worker.h"
#include "tests/pipeline/simulated_training.h"
#include "tools/training/replica.h"

namespace pipeline {

// What the processes of an elastic training share.
struct SimulatedTraining::World {
  SimulatedNetwork& network;
  std::shared_ptr<nn::Storage> disk;
  SimulatedPlace place;
};

// A process of an elastic training, as in tools/training/elastic.cpp.
class SimulatedTraining::Process {
 public:
  // Everything must outlive it. `ending` learns of the steps that it has done.
  Process(SimulatedTraining& training, World& world, int seat, Ending& ending);

  // Returns when the run has ended. Throws what makes the process fail.
  void run();

 private:
  class Steps;
  bool train(const Epoch& epoch, int rank);
  void require_planned(int step);
  void meet(const Epoch& epoch, const TrainingConfig& config, int rank, Network& network,
            std::optional<Mailbox>& mailbox);
  bool take_steps(const TrainingConfig& config, StageWorker& worker, Mailbox& mailbox);
  void record_rows();
  void keep_weights();

  SimulatedTraining& training_;
  const TrainingConfig& config_;
  World& world_;
  int seat_;
  Ending& ending_;
  const Shape shape_;
  std::vector<int> pipelines_;  // of this epoch
  training::Replica replica_;
  Members members_;
};

}  // namespace pipeline
