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

std::vector<Schedule> without_weights(std::vector<Schedule> lists) {
  for (Schedule& list : lists)
    std::erase_if(list, [](const Action& action) { return action.work == Work::weights; });
  return lists;
}

// The same plan with weights in idle time; nothing if there is no room for it.
std::optional<Plan> deferred(const Plan& plan, const std::vector<Room>& rooms,
                             const StageCosts& costs) {
  try {
    return Plan{plan.placement, plan.microbatches,
                with_deferred_weights(plan.placement, plan.microbatches,
                                      without_weights(plan.stages), rooms, costs)};
  } catch (const std::invalid_argument&) {
    return {};
  }
}

// 1f1b with as few microbatches at once as the rooms demand, but one at least. No stage has more
// than the one before it, which could not give it another before getting a gradient back. Three
// stages, three microbatches, with room for two and for one:
//
//   FF...BWF..BWBW     F....BWF....BWF....BW
//   .FF.BW..FBWBW      .F..BW..F..BW..F..BW
//   ..FBWFBW.FBW       ..FBW....FBW....FBW
Plan fewer_at_once(int microbatches, const std::vector<Room>& rooms) {
  const int stages = static_cast<int>(rooms.size());
  Plan plan{Placement::loop(stages, 1), microbatches, {}};
  int held = std::min(stages, microbatches);
  for (int stage = 0; stage < stages; ++stage) {
    held = std::min(held, stages - stage);
    while (held > 1 && !rooms[stage].fits(held * rooms[stage].sizes[0])) --held;
    Schedule& list = plan.stages.emplace_back();
    for (int i = 0; i < held - 1; ++i) list.push_back({Work::forward, i});
    for (int i = 0; i < microbatches; ++i) {
      if (const int next = held - 1 + i; next < microbatches) list.push_back({Work::forward, next});
      list.push_back({Work::backward, i});
      list.push_back({Work::weights, i});
    }
  }
  return plan;
}

class Search {
 public:
  Search(const std::vector<Costs>& costs, const std::vector<Room>& rooms, double message_time,
         std::optional<Ends> ends)
      : stage_costs_(costs), stage_rooms_(rooms), message_time_(message_time), ends_(ends) {}

  // The plan as it is, and with its weights deferred.
  void consider(const std::string& name, const Plan& plan) {
    if (ends_ && plan.placement.ends() != *ends_) return;
    const int chunks = plan.placement.chunks();
    const StageCosts costs = even_chunks(stage_costs_, chunks);
    std::vector<Room> rooms;
    for (const Room& room : stage_rooms_) rooms.push_back(with_even_chunks(room, chunks));
    compare(name, plan, costs, rooms);
    if (const auto variant = deferred(plan, rooms, costs)) compare(name, *variant, costs, rooms);
  }

  Found best() && {
    nn::demand(best_.has_value(), "no schedule has both ends of the model where the run had them",
               "give the costs of a run with 1f1b or zb-v");
    return std::move(*best_);
  }

 private:
  void compare(const std::string& name, const Plan& plan, const StageCosts& costs,
               const std::vector<Room>& rooms) {
    Timeline timeline = simulate(plan, costs, message_time_);
    double most = 0, excess = 0;
    for (std::size_t stage = 0; stage < rooms.size(); ++stage) {
      const double held = timeline.peak_held(static_cast<int>(stage), rooms[stage].sizes);
      most = std::max(most, held);
      if (!rooms[stage].fits(held)) excess = std::max(excess, held - rooms[stage].limit);
    }
    if (best_ && !is_better(timeline.length, excess, most)) return;
    best_ = {name, plan, std::move(timeline), excess};
    most_held_ = most;
  }

  bool is_better(double length, double excess, double most) const {
    if (excess != best_->excess) return excess < best_->excess;
    constexpr double tolerance = 1e-9;  // the same numbers summed in another order
    const double difference = length - best_->timeline.length;
    return std::abs(difference) <= tolerance * length ? most < most_held_ : difference < 0;
  }

  const std::vector<Costs>& stage_costs_;
  const std::vector<Room>& stage_rooms_;
  const double message_time_;
  const std::optional<Ends> ends_;
  std::optional<Found> best_;
  double most_held_ = 0;  // by a stage of the best
};

}  // namespace

StageCosts even_chunks(const std::vector<Costs>& costs, int chunks) {
  StageCosts all;
  for (const Costs& stage : costs)
    all.emplace_back(
        chunks, Costs{stage.forward / chunks, stage.backward / chunks, stage.weights / chunks});
  return all;
}

Found search_schedule(const std::vector<Costs>& costs, const std::vector<Room>& rooms,
                      int microbatches, int most_chunks, double message_time,
                      std::optional<Ends> ends) {
  nn::require(costs.size() == rooms.size(), "search: costs of ", costs.size(),
              " stages, and rooms of ", rooms.size());
  Search search(costs, rooms, message_time, ends);
  for (const ScheduleEntry& entry : schedule_table())
    for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, most_chunks);
         ++chunks)
      search.consider(std::string(entry.name),
                      entry.plan(static_cast<int>(costs.size()), microbatches, chunks));
  std::vector<Room> whole;
  for (const Room& room : rooms) whole.push_back(with_even_chunks(room, 1));
  search.consider("1f1b, fewer at once", fewer_at_once(microbatches, whole));
  return std::move(search).best();
}

}  // namespace pipeline
