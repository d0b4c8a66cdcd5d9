#pragma once

#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "tests/faulty_disk.h"
#include "tests/pipeline/scenario.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/simulated_training.h"
#include "tests/pipeline/virtual_time.h"

namespace pipeline {

struct BrokenPromise : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Parts>
void demand(bool holds, const Parts&... parts) {
  if (!holds) throw BrokenPromise(nn::concat(parts...));
}

// A start of a training: lets its faults befall the ranks, and judges how these ended.
class Play {
 public:
  // Everything must outlive it.
  Play(const Start& start, SimulatedNetwork& network, SimulatedTraining& training,
       VirtualTime& time, const FaultyDisk& disk);

  // Throws BrokenPromise. Returns the number of steps that all ranks have done; -1 if not all have
  // come to an end.
  int judge(const TrainingConfig& config, const std::vector<Ending>& endings);

  int faults() const { return static_cast<int>(befallen_.size()) + disk_.has_failed(); }
  bool has_lost_power() const;

 private:
  void look(int rank);
  void judge_fixed(const std::vector<Ending>& endings);
  void judge_elastic(const TrainingConfig& config, const std::vector<Ending>& endings) const;
  void judge(const Ending& ending) const;
  bool may_fail(const Ending& ending) const;
  bool was_silent(int rank) const;

  const Start& start_;
  SimulatedNetwork& network_;
  SimulatedTraining& training_;
  VirtualTime& time_;
  const FaultyDisk& disk_;
  std::map<int, std::pair<Phase, int>> looks_;  // of each rank, in its present phase
  std::vector<Fault> befallen_;
  std::set<int> culprits_;                               // whom others may blame
  std::optional<VirtualTime::Clock::time_point> ended_;  // when a fault first ended the run
};

}  // namespace pipeline
