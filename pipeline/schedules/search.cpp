#include "pipeline/schedules/search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/schedules/deferred_weights.h"
#include "pipeline/schedules/schedule.h"

namespace pipeline {

namespace {

int most_held(const Timeline& timeline) {
  int most = 0;
  for (std::size_t stage = 0; stage < timeline.stages.size(); ++stage)
    most = std::max(most, timeline.peak_in_flight(static_cast<int>(stage)));
  return most;
}

std::vector<Schedule> without_weights(std::vector<Schedule> lists) {
  for (Schedule& list : lists)
    std::erase_if(list, [](const Action& action) { return action.work == Work::weights; });
  return lists;
}

// The same plan with weights in idle time; nothing if the limit is too low for it.
std::optional<Plan> deferred(const Plan& plan, int most_chunks_held, const StageCosts& costs) {
  try {
    return Plan{plan.placement, plan.microbatches,
                with_deferred_weights(plan.placement, plan.microbatches,
                                      without_weights(plan.stages), most_chunks_held, costs)};
  } catch (const std::invalid_argument&) {
    return {};
  }
}

}  // namespace

StageCosts even_chunks(const std::vector<Costs>& costs, int chunks) {
  StageCosts all;
  for (const Costs& stage : costs)
    all.emplace_back(
        chunks, Costs{stage.forward / chunks, stage.backward / chunks, stage.weights / chunks});
  return all;
}

Found search_schedule(const std::vector<Costs>& costs, int microbatches, double most,
                      int most_chunks, double message_time) {
  std::optional<Found> best;
  double best_held = 0, least_held = microbatches;
  const auto is_better = [&](double length, double held) {
    constexpr double tolerance = 1e-9;  // the same numbers summed in another order
    if (!best) return true;
    const double difference = length - best->timeline.length;
    const bool is_equal = std::abs(difference) <= tolerance * length;
    return is_equal ? held < best_held : difference < 0;
  };
  const auto consider = [&](std::string_view name, const Plan& plan,
                            const StageCosts& chunk_costs) {
    Timeline timeline = simulate(plan, chunk_costs, message_time);
    const double held = static_cast<double>(most_held(timeline)) / plan.placement.chunks();
    least_held = std::min(least_held, held);
    if (held > most || !is_better(timeline.length, held)) return;
    best = {std::string(name), plan, std::move(timeline)};
    best_held = held;
  };
  for (const ScheduleEntry& entry : schedule_table())
    for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, most_chunks);
         ++chunks) {
      const StageCosts chunk_costs = even_chunks(costs, chunks);
      const Plan plan = entry.plan(static_cast<int>(costs.size()), microbatches, chunks);
      consider(entry.name, plan, chunk_costs);
      if (const auto variant = deferred(plan, static_cast<int>(most * chunks), chunk_costs))
        consider(entry.name, *variant, chunk_costs);
    }
  if (!best)
    throw nn::InputError(nn::concat("every schedule holds more than ", most, " activations"),
                         nn::concat("allow ", least_held, ", or more chunks"));
  return *std::move(best);
}

}  // namespace pipeline
