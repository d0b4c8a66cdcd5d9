#pragma once

#include <vector>

#include "pipeline/schedules/schedule.h"

// Qi et al. 2024, Pipeline Parallelism with Controllable Memory. Each stage has two chunks, placed
// as a V. A microbatch passes over the stages four times, each time at a pace of its own: so many
// units, of a chunk's forward, from one stage to the next.
//
//   0   F......fb......B                     forward down, up    backward down, up
//   1   .F....f..b....B.           zb-v           1     5             1     5
//   2   ..F..f....b..B..           v-half         1     2             1     2
//   3   ...Ff......bB...           v-min          1     1             1     1     on the left
//
// The next microbatch follows after six units, which is the work that one means for a stage. Where
// a pass turns it may pause, so that no two actions of a stage ever fall into the same unit. The
// slower the passes, the more microbatches are under way at once, and the less stages wait.
namespace pipeline {

// No stage holds more than the first of 1f1b: as many microbatches as there are stages. With that
// many or more, a stage of equal actions is idle for (stages - 1) units of a chunk. (Zero Bubble,
// Qi et al. 2023, section 6.)
std::vector<Schedule> zero_bubble_v(const Placement& placement, int microbatches);

// At most stages / 2 + 1 microbatches.
std::vector<Schedule> v_half(const Placement& placement, int microbatches);

// At most (stages + 4) / 3 microbatches.
std::vector<Schedule> v_min(const Placement& placement, int microbatches);

}  // namespace pipeline
