#pragma once

#include <string>

#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/timeline.h"
#include "tools/show_schedule/options.h"

namespace show_schedule {

// A schedule and its simulation.
struct Example {
  std::string name, description;
  pipeline::Plan plan;
  pipeline::Timeline timeline;

  int chunks() const { return plan.placement.chunks(); }
};

// Of the schedule that the options name, read from a file or found by a search. Throws
// nn::InputError.
Example example_of(const ScheduleOptions& options);

// Of this one, with the other options.
Example example_of(const pipeline::ScheduleEntry& schedule, const ScheduleOptions& options);

// The chunks that the schedule has with these options, the preset if they do not say. Throws
// nn::InputError if it cannot have so many, unless all schedules are to be compared.
int chunks_of(const pipeline::ScheduleEntry& schedule, const ScheduleOptions& options,
              int preset = 2);

}  // namespace show_schedule
