#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/schedule.h"
#include "pipeline/simulate.h"

// Where the model is cut. Its blocks are the embedding, equal layers, and the head.
namespace pipeline {

// Layers in each global chunk; a chunk may have none. The embedding goes with the first chunk, the
// head with the last.
using Cut = std::vector<int>;

// As even as can be; the first parts get the layers that are left over, for the last has the head:
// 6 layers in 3 parts are 2,2,2 and 7 are 3,2,2.
Cut default_cut(int layers, int parts);

// "3,3,0" for `parts` parts that together have `layers` layers. Throws nn::InputError otherwise.
Cut parse_cut(std::string_view text, int layers, int parts);
std::string to_text(const Cut& cut);

// Of one microbatch in one block.
struct BlockCosts {
  Costs embedding, layer, head;
};

// What each chunk of the cut costs; cut.size() is a multiple of `stages`.
StageCosts costs_of(const Cut& cut, const BlockCosts& blocks, int stages);

// The cut into stages * chunks parts with the shortest simulated step; among equals the evenest,
// then the one with more layers in earlier parts. Leaves out only cuts that cannot be the best,
// unless that would take longer than a second or two (12 layers in 12 parts, 24 microbatches): then
// it is the best of those it got to, at least as good as any that moves one layer. Stages share the
// cores as in simulate(): on two cores the course's head needs one for itself.
Cut best_cut(const BlockCosts& blocks, int layers, int stages, int chunks,
             const ScheduleEntry& schedule, int microbatches, double message_time = 0,
             double cores = 0);

}  // namespace pipeline
