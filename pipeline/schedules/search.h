#pragma once

#include <string>

#include "pipeline/schedules/simulate.h"

namespace pipeline {

struct Found {
  std::string name;  // of the schedule that it comes from
  Plan plan;
  Timeline timeline;
};

// The shortest simulated step in which no stage ever holds more than `most_held` activations, each
// of one microbatch in the whole stage; `costs` are those of whole stages, which chunks share
// evenly. Tries every schedule with every number of chunks up to `most_chunks`, both as it is and
// with its weights deferred for these costs and this limit. Ties go to the one that holds least,
// then to the earlier one of the table. Throws nn::InputError if all of them hold more.
Found search_schedule(const std::vector<Costs>& costs, int microbatches, double most_held,
                      int most_chunks, double message_time = 0);

// The costs of each chunk if they share those of their stage evenly.
StageCosts even_chunks(const std::vector<Costs>& costs, int chunks);

}  // namespace pipeline
