#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/simulate.h"

// Where the model is cut. Its blocks are the embedding, equal layers, and the head.
namespace pipeline {

// The number of layers in each part, possibly 0. The embedding belongs to the first part, the head
// to the last.
using Cut = std::vector<int>;

// As even as possible. The first parts get the remaining layers, because the last one has the head:
// 6 layers in 3 parts are 2,2,2 and 7 are 3,2,2.
Cut default_cut(int layers, int parts);

// Parses "3,3,0". Throws nn::InputError unless it has `parts` parts that add up to `layers`.
Cut parse_cut(std::string_view text, int layers, int parts);
std::string to_text(const Cut& cut);

// The cost of one microbatch in each kind of block.
struct BlockCosts {
  Costs embedding, layer, head;
};

// The cost of each chunk of each stage, for a cut into as many parts as the placement has. The
// stages share a split head evenly.
StageCosts costs_of(const Cut& cut, const BlockCosts& blocks, const Placement& placement,
                    bool splits_head = false);

// The cut with the shortest simulated step. Ties go to the evenest cut, then to the one with more
// layers in earlier parts. The search moves single layers while that helps, then tries all cuts
// that might win. It ends after a second or two (12 layers in 12 parts, 24 microbatches take
// longer) with the best cut so far. Stages share cores as in simulate(): on two cores the course's
// head needs one to itself.
Cut best_cut(const BlockCosts& blocks, int layers, const Plan& plan, double message_time = 0,
             double cores = 0);

}  // namespace pipeline
