#include "tools/show_schedule/costs.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "nn/base/error.h"
#include "nn/base/number.h"
#include "nn/base/split.h"
#include "pipeline/prediction/step_work.h"
#include "pipeline/schedules/search.h"
#include "pipeline/split_head/split_head.h"

namespace show_schedule {

using namespace pipeline;
using nn::concat;

static Costs parse_costs(std::string_view text) {
  const auto parts = nn::split(text, '/');
  double numbers[3] = {-1, -1, -1};
  for (std::size_t i = 0; i < parts.size() && parts.size() == 3; ++i)
    numbers[i] = nn::parse_number<double>(parts[i]).value_or(-1);
  for (const double number : numbers)
    if (!std::isfinite(number) || number < 0)
      throw nn::InputError(concat("costs \"", text, "\" are not three numbers of 0 or more"),
                           "give forward/backward/weights of each stage: 1/1/1,1/1/1,4.5/4.2/4");
  return {numbers[0], numbers[1], numbers[2]};
}

static std::vector<Costs> costs_of_run(const training::MeasuredStep& run) {
  std::vector<Costs> costs;
  for (const auto& chunks : costs_with_updates(run.stages, run.microbatches)) {
    Costs& sum = costs.emplace_back(Costs{0, 0, 0});
    for (const Costs& chunk : chunks)
      sum = {sum.forward + chunk.forward, sum.backward + chunk.backward,
             sum.weights + chunk.weights};
  }
  return costs;
}

std::vector<StageMemory> memory_of_run(const ScheduleOptions& options) {
  return options.run ? options.run->memory : std::vector<StageMemory>();
}

std::vector<Costs> costs_per_stage(const ScheduleOptions& options, std::optional<int> stages) {
  std::vector<Costs> costs;
  if (options.stage_costs.empty())
    costs.assign(stages.value_or(4), options.costs);
  else if (options.run)
    costs = costs_of_run(*options.run);
  else
    for (const std::string& part : nn::split(options.stage_costs, ','))
      costs.push_back(parse_costs(part));
  const int count = static_cast<int>(costs.size());
  if (stages.value_or(count) != count)
    throw nn::InputError(concat("--costs has ", count, " of ", *stages, " stages"),
                         "give the costs of every stage, or omit --stages");
  if (std::ranges::all_of(costs, [](const Costs& c) { return c.sum() == 0; }))
    throw nn::InputError("all costs are 0", "give one stage something to do");
  return costs;
}

StageCosts chunk_costs(const ScheduleOptions& options, int stages, int chunks) {
  StageCosts costs = even_chunks(costs_per_stage(options, stages), chunks);
  if (!options.head.empty()) share_head(costs, parse_costs(options.head));
  return costs;
}

}  // namespace show_schedule
