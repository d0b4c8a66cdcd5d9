#pragma once

#include "tools/show_schedule/options.h"

namespace show_schedule {

// Prints the prediction for more and more ranks, from the costs of a run, and writes its picture.
void scale(const ScheduleOptions& options);

}  // namespace show_schedule
