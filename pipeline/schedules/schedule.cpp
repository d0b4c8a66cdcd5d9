#include "pipeline/schedules/schedule.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "nn/base/named_row.h"
#include "pipeline/schedules/deferred_weights.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/schedules/v_schedules.h"

namespace pipeline {
namespace {

// One stage's share of the work. All stages of these schedules are alike but for their number.
struct Share {
  int stage, stages, microbatches, chunks;
};

template <Schedule (*list)(const Share&)>
std::vector<Schedule> for_each_stage(const Placement& placement, int microbatches) {
  std::vector<Schedule> lists;
  lists.reserve(placement.stages());
  for (int stage = 0; stage < placement.stages(); ++stage)
    lists.push_back(list({stage, placement.stages(), microbatches, placement.chunks()}));
  return lists;
}

// Chunk by chunk, all microbatches at once: with one chunk GPipe (Huang et al. 2019), with more of
// them Lamy-Poirier 2023, Breadth-First Pipeline Parallelism. Two stages, three microbatches:
//
//   FFF..BWBWBW     FFFfff..bwbwbwBWBWBW
//   .FFFBWBWBW      .FFFfffbwbwbwBWBWBW
Schedule breadth_first(const Share& share) {
  Schedule schedule;
  for (int chunk = 0; chunk < share.chunks; ++chunk)
    for (int i = 0; i < share.microbatches; ++i) schedule.push_back({Work::forward, i, chunk});
  for (int chunk = share.chunks; chunk-- > 0;)
    for (int i = 0; i < share.microbatches; ++i) {
      schedule.push_back({Work::backward, i, chunk});
      schedule.push_back({Work::weights, i, chunk});
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
Schedule one_forward_one_backward(const Share& share, int lag) {
  const int count = share.microbatches;
  const int warm_up = std::min(share.stages - 1 - share.stage, count);
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
Schedule one_forward_one_backward(const Share& share) { return one_forward_one_backward(share, 0); }

// Qi et al. 2023, Zero Bubble Pipeline Parallelism, ZB-H1: no stage needs more memory than the
// first stage of 1f1b.
Schedule zero_bubble_h1(const Share& share) {
  return one_forward_one_backward(share, std::min(share.stage, share.microbatches));
}

// Microbatches in groups of about one per stage; the first groups are one larger if they do not
// divide evenly. A group passes through all chunks before the next one starts.
std::vector<int> group_sizes(const Share& share) {
  const int groups = std::max(1, share.microbatches / share.stages);
  std::vector<int> sizes(groups, share.microbatches / groups);
  for (int i = 0; i < share.microbatches % groups; ++i) ++sizes[i];
  return sizes;
}

Schedule group_by_group(const Share& share, Work work) {
  Schedule schedule;
  int first = 0;
  for (const int size : group_sizes(share)) {
    for (int i = 0; i < share.chunks; ++i) {
      const int chunk = work == Work::forward ? i : share.chunks - 1 - i;
      for (int m = first; m < first + size; ++m) schedule.push_back({work, m, chunk});
    }
    first += size;
  }
  return schedule;
}

// Forwards and backwards group by group: some forwards in advance, then one before each backward.
// `lead`: how many more of them a stage does in advance than the next one.
Schedule alternating_groups(const Share& share, int lead) {
  const Schedule forwards = group_by_group(share, Work::forward);
  const Schedule backwards = group_by_group(share, Work::backward);
  const int count = static_cast<int>(forwards.size());
  const int warm_up = std::min(count, (share.chunks - 1) * group_sizes(share).front() +
                                          lead * (share.stages - 1 - share.stage));
  Schedule schedule(forwards.begin(), forwards.begin() + warm_up);
  for (int i = 0; i < count; ++i) {
    if (warm_up + i < count) schedule.push_back(forwards[warm_up + i]);
    schedule.push_back(backwards[i]);
  }
  return schedule;
}

// Narayanan et al. 2021, Megatron-LM, section 2.2, here for any number of microbatches. Two stages,
// four microbatches, two chunks (the second in small letters):
//
//   FFffFbwFbwfBWfBW.bw.bwBWBW
//   .FFfbwfbwFBWFBWfbwfbwBWBW
Schedule interleaved(const Share& share) {
  if (share.chunks == 1) return one_forward_one_backward(share);
  Schedule schedule;
  for (const Action& action : alternating_groups(share, 2)) {
    schedule.push_back(action);
    if (action.work == Work::backward)
      schedule.push_back({Work::weights, action.microbatch, action.chunk});
  }
  return schedule;
}

// The same with idle time for weights. Gradients come back sooner, as no weights delay them, so a
// stage needs a lead of one forward only. Two stages, four microbatches, two chunks:
//
//   FFff.bwFbwFBWfBWfbwbBBwWW
//   .FFfbfbwFBwFBWfbWfbBBwwWW
std::vector<Schedule> interleaved_zero_bubble(const Placement& placement, int microbatches) {
  std::vector<Schedule> lists;
  Share share{0, placement.stages(), microbatches, placement.chunks()};
  const int most_held = (share.chunks - 1) * group_sizes(share).front() + share.stages;
  for (; share.stage < share.stages; ++share.stage) lists.push_back(alternating_groups(share, 1));
  return with_deferred_weights(placement, microbatches, lists,
                               uniform_rooms(placement.stages(), placement.chunks(), most_held),
                               uniform_costs(placement.stages(), placement.chunks()));
}

}  // namespace

Plan ScheduleEntry::plan(int stages, int microbatches, int chunks) const {
  if (microbatches < 1)
    throw std::invalid_argument("schedule: there must be at least one microbatch");
  if (chunks < least_chunks || chunks > most_chunks)
    throw std::invalid_argument("schedule: " + std::string(name) + " cannot have " +
                                std::to_string(chunks) + " chunks per stage");
  const Placement placement = place(stages, chunks);
  return {placement, microbatches, lists(placement, microbatches)};
}

std::span<const ScheduleEntry> schedule_table() {
  static constexpr auto loop = Placement::loop, v = Placement::v;
  static constexpr std::array table{
      ScheduleEntry{"gpipe", "all forwards, then all backwards (Huang et al. 2019)", loop,
                    for_each_stage<breadth_first>},
      ScheduleEntry{"1f1b",
                    "alternating forwards and backwards (PipeDream-Flush, Narayanan et al. 2021)",
                    loop, for_each_stage<one_forward_one_backward>},
      ScheduleEntry{"interleaved",
                    "1f1b with several chunks per stage (Megatron-LM, Narayanan et al. 2021)", loop,
                    for_each_stage<interleaved>, 1, any_number},
      ScheduleEntry{"breadth-first",
                    "gpipe with several chunks per stage, one after the other (Lamy-Poirier 2023)",
                    loop, for_each_stage<breadth_first>, 1, any_number},
      ScheduleEntry{"zb-h1", "1f1b, weights deferred into idle time (Zero Bubble, Qi et al. 2023)",
                    loop, for_each_stage<zero_bubble_h1>},
      ScheduleEntry{"interleaved-zb", "interleaved, weights deferred into idle time", loop,
                    interleaved_zero_bubble, 1, any_number},
      ScheduleEntry{"zb-v", "two chunks as a V, idle only at first (Zero Bubble, Qi et al. 2023)",
                    v, zero_bubble_v, 2, 2},
      ScheduleEntry{"v-half", "zb-v with half of the activations (Qi et al. 2024)", v, v_half, 2,
                    2},
      ScheduleEntry{"v-min", "zb-v with a third of the activations (Qi et al. 2024)", v, v_min, 2,
                    2},
  };
  return table;
}

const ScheduleEntry* find_schedule(std::string_view name) {
  return nn::find_row(schedule_table(), name);
}

}  // namespace pipeline
