#pragma once

#include <optional>
#include <vector>

#include "pipeline/prediction/stage_memory.h"
#include "pipeline/schedules/costs.h"
#include "tools/show_schedule/options.h"

namespace show_schedule {

// Of as many stages as there are costs for. Throws nn::InputError if they are not so many, or if
// all are 0.
std::vector<pipeline::Costs> costs_per_stage(const ScheduleOptions& options,
                                             std::optional<int> stages);

// The costs of each chunk, with those of a split head. Chunks share the costs of their stage, so
// schedules with and without chunks are comparable.
pipeline::StageCosts chunk_costs(const ScheduleOptions& options, int stages, int chunks);

// What the stages of a run took; nothing without a run, or from older ones.
std::vector<pipeline::StageMemory> memory_of_run(const ScheduleOptions& options);

}  // namespace show_schedule
