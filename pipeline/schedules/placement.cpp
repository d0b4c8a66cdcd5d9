#include "pipeline/schedules/placement.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>

namespace pipeline {

namespace {

// Deals the parts out row by row; every second row may go backwards.
Placement row_by_row(int stages, int chunks, bool turns) {
  if (stages < 1 || chunks < 1)
    throw std::invalid_argument("placement: " + std::to_string(stages) + " stages and " +
                                std::to_string(chunks) + " chunks; each must be 1 or more");
  std::vector<int> stage_of_part;
  for (int chunk = 0; chunk < chunks; ++chunk)
    for (int i = 0; i < stages; ++i)
      stage_of_part.push_back(turns && chunk % 2 == 1 ? stages - 1 - i : i);
  return Placement(std::move(stage_of_part));
}

}  // namespace

Placement Placement::loop(int stages, int chunks) { return row_by_row(stages, chunks, false); }
Placement Placement::v(int stages, int chunks) { return row_by_row(stages, chunks, true); }

Placement::Placement(std::vector<int> stage_of_part) : stage_of_part_(std::move(stage_of_part)) {
  const auto demand = [](bool holds) {
    if (!holds) throw std::invalid_argument("placement: stages must have equally many parts");
  };
  demand(!stage_of_part_.empty());
  const auto [least, most] = std::ranges::minmax(stage_of_part_);
  demand(least == 0 && most < parts());
  parts_.resize(static_cast<std::size_t>(most) + 1);
  for (int part = 0; part < parts(); ++part) {
    std::vector<int>& chunks = parts_[stage(part)];
    chunk_of_part_.push_back(static_cast<int>(chunks.size()));
    chunks.push_back(part);
  }
  for (const auto& chunks : parts_) demand(chunks.size() * parts_.size() == stage_of_part_.size());
}

}  // namespace pipeline
