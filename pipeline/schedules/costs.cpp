#include "pipeline/schedules/costs.h"

#include <limits>

namespace pipeline {

StageCosts uniform_costs(int stages, int chunks, Costs costs) {
  return StageCosts(stages, std::vector<Costs>(chunks, costs));
}

bool is_duration(double time) {
  return 0 <= time && time < std::numeric_limits<double>::infinity();
}

}  // namespace pipeline
