#pragma once

#include "tools/show_schedule/options.h"

namespace show_schedule {

// Prints the schedule's picture and what its stages do, and writes the drawing and the list that
// are asked for.
void show(const ScheduleOptions& options);

// Prints a table of all schedules.
void compare(const ScheduleOptions& options);

}  // namespace show_schedule
