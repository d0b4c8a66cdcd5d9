#pragma once

#include <optional>
#include <string>

#include "pipeline/schedules/schedule.h"

namespace training {

// What is told to programs besides a schedule's name; a file has these numbers itself.
struct ScheduleSize {
  std::optional<int> stages, chunks, microbatches;
};

struct ScheduleFile {
  std::string text;
  pipeline::Plan plan;
};

// Whether --schedule names a file instead of a row of the table.
bool is_schedule_file(const std::string& schedule);

// Reads it (pipeline::parse_schedule_csv). Throws nn::InputError if it cannot be read or run, or
// has another number of stages, chunks or microbatches than was given.
ScheduleFile read_schedule_file(const std::string& file, const ScheduleSize& given);

}  // namespace training
