#include "tools/training/schedule_file.h"

#include <cstddef>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/schedules/schedule_csv.h"

namespace training {

namespace {

constexpr std::size_t most_schedule_bytes = std::size_t{20} << 20;

void require_same(const std::string& file, const std::string& name, std::optional<int> given,
                  int number) {
  if (given.value_or(number) == number) return;
  throw nn::InputError(nn::concat(file, " has ", number, ' ', name, ", not ", *given),
                       name == "stages"
                           ? nn::concat("--stages ", number, ", or tools/pipeline.sh ", number)
                           : nn::concat("omit --", name));
}

}  // namespace

bool is_schedule_file(const std::string& schedule) { return schedule.ends_with(".csv"); }

ScheduleFile read_schedule_file(const std::string& file, const ScheduleSize& given) {
  std::string text = nn::read_file(file, most_schedule_bytes);
  pipeline::Plan plan = pipeline::parse_schedule_csv(text, file);
  require_same(file, "stages", given.stages, plan.placement.stages());
  require_same(file, "chunks", given.chunks, plan.placement.chunks());
  require_same(file, "microbatches", given.microbatches, plan.microbatches);
  return {std::move(text), std::move(plan)};
}

}  // namespace training
