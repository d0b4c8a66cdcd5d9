#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "pipeline/schedules/schedule.h"

namespace pipeline {

// The cost of one microbatch in one chunk, in seconds or any other unit. The first chunk of a stage
// has the costs of its share of a split head.
struct Costs {
  double forward = 1, backward = 1, weights = 1, scores = 0, head = 0;

  double of(Work work) const {
    return std::array{forward, backward, weights, scores, head}[static_cast<std::size_t>(work)];
  }
  double sum() const { return forward + backward + weights + scores + head; }
};

using StageCosts = std::vector<std::vector<Costs>>;  // [stage][chunk]

StageCosts uniform_costs(int stages, int chunks, Costs costs = {});

// Whether it is finite and not negative.
bool is_duration(double time);

}  // namespace pipeline
