#include "tools/show_schedule/example.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/prediction/step_work.h"
#include "pipeline/schedules/search.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/split_head/split_head.h"
#include "tools/show_schedule/costs.h"
#include "tools/training/memory_limit.h"

namespace show_schedule {

using namespace pipeline;
using nn::concat;

static Example simulate_example(const std::string& name, const std::string& description,
                                const Plan& plan, const ScheduleOptions& options) {
  const StageCosts costs = chunk_costs(options, plan.placement.stages(), plan.placement.chunks());
  return {name, description, plan, simulate(plan, costs, options.message_time)};
}

static std::string with_chunks(std::string_view name, int chunks) {
  return concat(name, chunks > 1 ? concat(", ", chunks, " chunks") : "");
}

int chunks_of(const ScheduleEntry& schedule, const ScheduleOptions& options, int preset) {
  const std::optional<int> given = options.size.chunks;
  const int chunks =
      std::clamp(given.value_or(preset), schedule.least_chunks, schedule.most_chunks);
  if (given.value_or(chunks) != chunks && !options.all)
    throw nn::InputError(concat(schedule.name, " has ", chunks == 1 ? "one chunk" : "two chunks",
                                " per stage, not ", *given),
                         "choose --schedule interleaved, or omit --chunks");
  return chunks;
}

Example example_of(const ScheduleEntry& schedule, const ScheduleOptions& options) {
  const int chunks = chunks_of(schedule, options);
  const int stages = static_cast<int>(costs_per_stage(options, options.size.stages).size());
  const int count = options.size.microbatches.value_or(8);
  const Plan plan = options.head.empty()
                        ? schedule.plan(stages, count, chunks)
                        : plan_with_split_head(schedule, stages, count, chunks,
                                               chunk_costs(options, stages, chunks));
  return simulate_example(with_chunks(schedule.name, chunks), std::string(schedule.description),
                          plan, options);
}

static Example search(const ScheduleOptions& options) {
  if (!options.head.empty())
    throw nn::InputError("a search does not know a split head", "name the --schedule");
  const int microbatches = options.size.microbatches.value_or(8);
  const training::MemoryLimit limit(options.memory.value_or(concat(microbatches)));
  const std::vector<Costs> costs = costs_per_stage(options, options.size.stages);
  const auto rooms = limit.rooms(static_cast<int>(costs.size()), memory_of_run(options));
  const auto ends =
      limit.is_in_bytes() ? std::optional(ends_of(options.run->stages)) : std::nullopt;
  Found found = search_schedule(costs, rooms, microbatches, options.size.chunks.value_or(2),
                                options.message_time, ends);
  limit.require_fit(found);
  return {with_chunks("search, " + found.name, found.plan.placement.chunks()),
          concat("the shortest with at most ", limit.text(), " per stage",
                 ends ? ", and the ends of the model where the run had them" : ""),
          std::move(found.plan), std::move(found.timeline)};
}

Example example_of(const ScheduleOptions& options) {
  const std::string schedule = options.schedule.value_or("1f1b");
  if (schedule == "search") return search(options);
  if (options.memory)
    throw nn::InputError("--memory is a limit for a search", "add --schedule search");
  if (!training::is_schedule_file(schedule)) return example_of(schedule_named(schedule), options);
  const auto file = training::read_schedule_file(schedule, options.size);
  const StageCosts costs =
      chunk_costs(options, file.plan.placement.stages(), file.plan.placement.chunks());
  return simulate_example(schedule, "read from a file",
                          options.head.empty() ? file.plan : with_split_head(file.plan, costs),
                          options);
}

}  // namespace show_schedule
