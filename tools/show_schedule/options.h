#pragma once

#include <optional>
#include <string>

#include "pipeline/schedules/costs.h"
#include "tools/training/costs_file.h"
#include "tools/training/schedule_file.h"

// bin/show_schedule: a schedule by its options, what it costs, its picture and tables.
namespace show_schedule {

// What is asked for.
struct ScheduleOptions {
  std::optional<std::string> schedule;
  training::ScheduleSize size;
  std::optional<std::string> memory;  // for a search
  pipeline::Costs costs;              // per microbatch and whole stage
  std::string head;                   // costs of a split head
  std::string stage_costs;
  std::optional<training::MeasuredStep> run;  // if stage_costs names a file
  double message_time = 0;
  std::optional<int> ranks, batch;  // for a prediction; of microbatches
  std::string link, group_link;
  std::string svg, csv;
  bool all = false, has_numbers = false;
};

// Reads the costs of a run, too, if they are asked for. Throws nn::InputError.
ScheduleOptions parse_options(int argc, char** argv);

}  // namespace show_schedule
