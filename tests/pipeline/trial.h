#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "pipeline/training_config.h"
#include "tests/pipeline/dice.h"
#include "tests/pipeline/scenario.h"
#include "tests/pipeline/simulated_training.h"

namespace pipeline {

// Trainings on a simulated network, in which a seed decides everything.
class Trials {
 public:
  struct Trial {
    std::string finding = {};  // which promise was broken, and what happened; empty if none
    std::uint64_t trace = 0;   // a hash of everything that happened
    int starts = 0, faults = 0;
  };
  Trial run(std::uint64_t seed);
  Trial run(const Scenario& scenario, Dice& dice);

 private:
  // Whether the results are those of an undisturbed training.
  bool agree(const TrainingConfig& config, const Results& results);
  // The results of the same training in one process for each pipeline.
  const Results& undisturbed(TrainingConfig config);

  std::map<std::string, Results> undisturbed_;  // by the terms of the training
};

}  // namespace pipeline
