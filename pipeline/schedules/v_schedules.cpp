#include "pipeline/schedules/v_schedules.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "pipeline/schedules/deferred_weights.h"
#include "pipeline/schedules/simulate.h"

namespace pipeline {

namespace {

constexpr int interval = 6;  // two chunks, each with forward, backward and weights

// When a microbatch passes a stage: forward in chunk 0 and 1, backward in chunk 1 and 0.
using Passes = std::array<int, 4>;

// The passes of the first microbatch on each stage. `paces`: units from one stage to the next;
// `pauses`: units at each turn.
std::vector<Passes> passes(int stages, const Passes& paces, const std::array<int, 3>& pauses) {
  std::vector<Passes> times(stages);
  int now = 0;
  for (int pass = 0; pass < 4; ++pass) {
    if (pass > 0) now += 1 + pauses[pass - 1];
    for (int i = 0; i < stages; ++i) {
      if (i > 0) now += paces[pass];
      times[pass % 2 == 0 ? i : stages - 1 - i][pass] = now;
    }
  }
  return times;
}

// Whether all microbatches can follow each other at the interval.
bool is_free_of_collisions(const std::vector<Passes>& times) {
  return std::ranges::all_of(times, [](const Passes& stage) {
    unsigned units = 0;
    for (const int time : stage) units |= 1U << (time % interval);
    return std::popcount(units) == 4;
  });
}

// With the shortest pauses that are free of collisions.
std::vector<Passes> building_block(int stages, const Passes& paces) {
  std::vector<Passes> best;
  for (int a = 0; a < interval; ++a)
    for (int b = 0; b < interval; ++b)
      for (int c = 0; c < interval; ++c) {
        std::vector<Passes> times = passes(stages, paces, {a, b, c});
        if (is_free_of_collisions(times) && (best.empty() || times[0][3] < best[0][3]))
          best = std::move(times);
      }
  return best;
}

// Every stage does the forwards and backwards of the repeated block in their order, as soon as it
// can, and the weights in between.
std::vector<Schedule> repeat(const Placement& placement, int microbatches, const Passes& paces,
                             int most_held) {
  constexpr std::array<Action, 4> actions{Action{Work::forward, 0, 0}, Action{Work::forward, 0, 1},
                                          Action{Work::backward, 0, 1},
                                          Action{Work::backward, 0, 0}};
  std::vector<Schedule> lists;
  for (const Passes& stage : building_block(placement.stages(), paces)) {
    std::vector<std::pair<int, Action>> timed;
    for (int i = 0; i < microbatches; ++i)
      for (int pass = 0; pass < 4; ++pass)
        timed.push_back({stage[pass] + interval * i, {actions[pass].work, i, actions[pass].chunk}});
    std::ranges::sort(timed, {}, &std::pair<int, Action>::first);
    Schedule& list = lists.emplace_back();
    for (const auto& [time, action] : timed) list.push_back(action);
  }
  return with_deferred_weights(placement, microbatches, lists,
                               uniform_rooms(placement.stages(), placement.chunks(), most_held),
                               uniform_costs(placement.stages(), placement.chunks()));
}

}  // namespace

std::vector<Schedule> zero_bubble_v(const Placement& placement, int microbatches) {
  return repeat(placement, microbatches, {1, 5, 1, 5}, 2 * placement.stages());
}

std::vector<Schedule> v_half(const Placement& placement, int microbatches) {
  return repeat(placement, microbatches, {1, 2, 1, 2}, placement.stages() + 2);
}

std::vector<Schedule> v_min(const Placement& placement, int microbatches) {
  return repeat(placement, microbatches, {1, 1, 1, 1}, 2 * (placement.stages() + 4) / 3);
}

}  // namespace pipeline
