#include "pipeline/schedule.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace pipeline {
namespace {

void require_plan(const Plan& plan, bool has_chunks) {
  if (plan.stages < 1 || plan.microbatches < 1 || plan.chunks < 1)
    throw std::invalid_argument("schedule: " + std::to_string(plan.stages) + " stages, " +
                                std::to_string(plan.microbatches) + " microbatches and " +
                                std::to_string(plan.chunks) + " chunks; each must be 1 or more");
  if (plan.stage < 0 || plan.stage >= plan.stages)
    throw std::invalid_argument("schedule: there is no stage " + std::to_string(plan.stage) +
                                " of " + std::to_string(plan.stages));
  if (plan.chunks > 1 && !has_chunks)
    throw std::invalid_argument("schedule: " + std::to_string(plan.chunks) +
                                " chunks per stage, but this schedule has one");
}

// Huang et al. 2019, GPipe. Two stages, three microbatches:
//
//   FFF..BWBWBW
//   .FFFBWBWBW
Schedule gpipe(const Plan& plan) {
  require_plan(plan, false);
  Schedule schedule;
  for (int i = 0; i < plan.microbatches; ++i) schedule.push_back({Work::forward, i});
  for (int i = 0; i < plan.microbatches; ++i) {
    schedule.push_back({Work::backward, i});
    schedule.push_back({Work::weights, i});
  }
  return schedule;
}

// A stage starts as many microbatches as there are stages after it, then alternates forwards and
// backwards. `lag`: how many microbatches the weights may fall behind, to fill the idle time at the
// end. Four stages, five microbatches, with lag 0 and with the stage's number as lag:
//
//   FFFF...BWFBW.BW.BW.BW     FFFF...BWFBWBWBWBW
//   .FFF..BWFBWFBW.BW.BW      .FFF..BFBWFBWBWBWW
//   ..FF.BWFBWFBWFBW.BW       ..FF.BFBFBWFBWBWWW
//   ...FBWFBWFBWFBWFBW        ...FBFBFBFBWFBWWWW
Schedule one_forward_one_backward(const Plan& plan, int lag) {
  require_plan(plan, false);
  const int count = plan.microbatches;
  const int warm_up = std::min(plan.stages - 1 - plan.stage, count);
  Schedule schedule;
  for (int i = 0; i < warm_up; ++i) schedule.push_back({Work::forward, i});
  for (int i = 0; i < count + lag; ++i) {
    if (warm_up + i < count) schedule.push_back({Work::forward, warm_up + i});
    if (i < count) schedule.push_back({Work::backward, i});
    if (i >= lag) schedule.push_back({Work::weights, i - lag});
  }
  return schedule;
}

// Narayanan et al. 2019, PipeDream, without its stale weights: PipeDream-Flush (2021).
Schedule one_forward_one_backward(const Plan& plan) { return one_forward_one_backward(plan, 0); }

// Qi et al. 2023, Zero Bubble Pipeline Parallelism, ZB-H1: no stage needs more memory than the
// first stage of 1f1b.
Schedule zero_bubble_h1(const Plan& plan) {
  return one_forward_one_backward(plan, std::min(plan.stage, plan.microbatches));
}

// Microbatches in groups of about one per stage; the first groups are one larger if they do not
// divide evenly. A group passes through all chunks before the next one starts.
std::vector<int> group_sizes(const Plan& plan) {
  const int groups = std::max(1, plan.microbatches / plan.stages);
  std::vector<int> sizes(groups, plan.microbatches / groups);
  for (int i = 0; i < plan.microbatches % groups; ++i) ++sizes[i];
  return sizes;
}

Schedule group_by_group(const Plan& plan, Work work) {
  Schedule schedule;
  int first = 0;
  for (const int size : group_sizes(plan)) {
    for (int i = 0; i < plan.chunks; ++i) {
      const int chunk = work == Work::forward ? i : plan.chunks - 1 - i;
      for (int m = first; m < first + size; ++m) schedule.push_back({work, m, chunk});
    }
    first += size;
  }
  return schedule;
}

// Narayanan et al. 2021, Megatron-LM, section 2.2, here for any number of microbatches. Two stages,
// four microbatches, two chunks (the second in small letters):
//
//   FFffFbwFbwfBWfBW.bw.bwBWBW
//   .FFfbwfbwFBWFBWfbwfbwBWBW
Schedule interleaved(const Plan& plan) {
  require_plan(plan, true);
  if (plan.chunks == 1) return one_forward_one_backward(plan);
  const Schedule forwards = group_by_group(plan, Work::forward);
  const Schedule backwards = group_by_group(plan, Work::backward);
  const int count = static_cast<int>(forwards.size());
  const int warm_up = std::min(
      count, (plan.chunks - 1) * group_sizes(plan).front() + 2 * (plan.stages - 1 - plan.stage));
  Schedule schedule(forwards.begin(), forwards.begin() + warm_up);
  for (int i = 0; i < count; ++i) {
    if (warm_up + i < count) schedule.push_back(forwards[warm_up + i]);
    schedule.push_back(backwards[i]);
    schedule.push_back({Work::weights, backwards[i].microbatch, backwards[i].chunk});
  }
  return schedule;
}

}  // namespace

std::span<const ScheduleEntry> schedule_table() {
  static constexpr std::array table{
      ScheduleEntry{"gpipe", "all forwards, then all backwards (Huang et al. 2019)", gpipe},
      ScheduleEntry{"1f1b",
                    "alternating forwards and backwards (PipeDream-Flush, Narayanan et al. 2021)",
                    one_forward_one_backward},
      ScheduleEntry{"interleaved",
                    "1f1b with several chunks per stage (Megatron-LM, Narayanan et al. 2021)",
                    interleaved, true},
      ScheduleEntry{"zb-h1", "1f1b, weights deferred into idle time (Zero Bubble, Qi et al. 2023)",
                    zero_bubble_h1},
  };
  return table;
}

const ScheduleEntry* find_schedule(std::string_view name) {
  const auto found = std::ranges::find(schedule_table(), name, &ScheduleEntry::name);
  return found == schedule_table().end() ? nullptr : &*found;
}

std::vector<Schedule> all_stages(const ScheduleEntry& entry, int stages, int microbatches,
                                 int chunks) {
  std::vector<Schedule> schedules;
  for (int stage = 0; stage < std::max(1, stages); ++stage)  // 0 stages: make() throws
    schedules.push_back(entry.make({stage, stages, microbatches, chunks}));
  return schedules;
}

}  // namespace pipeline
