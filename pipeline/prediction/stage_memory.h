#pragma once

#include <vector>

#include "pipeline/schedules/room.h"

namespace pipeline {

// What the memory of a stage's process consists of, in bytes.
struct StageMemory {
  double weights = 0;                // with their gradients and the optimizer's moments
  double rest = 0;                   // the program, its texts and messages: all that is not below
  std::vector<double> microbatch{};  // [chunk], from a microbatch's forward to its weights
  double peak = 0;                   // of the whole process in the run that was measured

  double always() const { return weights + rest; }
};

// What a limit for each process leaves for microbatches.
std::vector<Room> rooms_within(double limit, const std::vector<StageMemory>& stages);

}  // namespace pipeline
