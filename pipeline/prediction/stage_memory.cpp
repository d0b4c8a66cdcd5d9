#include "pipeline/prediction/stage_memory.h"

namespace pipeline {

std::vector<Room> rooms_within(double limit, const std::vector<StageMemory>& stages) {
  std::vector<Room> rooms;
  for (const StageMemory& stage : stages)
    rooms.push_back({limit - stage.always(), stage.microbatch});
  return rooms;
}

}  // namespace pipeline
