#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/schedules/placement.h"
#include "pipeline/schedules/room.h"
#include "pipeline/schedules/simulate.h"

namespace pipeline {

struct Found {
  std::string name;  // of the schedule that it comes from
  Plan plan;
  Timeline timeline;
  // By how much some stage exceeds its room; 0 if all keep to theirs.
  double excess = 0;
};

// The shortest simulated step in which every stage always keeps to its room; if there is none, the
// one that exceeds a room by least. `costs` are those of whole stages, which chunks share evenly.
// Tries every schedule with every number of chunks up to `most_chunks`, and 1f1b with as few
// microbatches at once as the rooms demand; each of them as it is and with its weights deferred for
// these costs and rooms. Ties go to the one that holds least, then to the earlier one of the table.
// `ends`: only schedules with the ends of the model on these stages, as rooms in bytes depend on
// where they are. Throws nn::InputError if there are none.
Found search_schedule(const std::vector<Costs>& costs, const std::vector<Room>& rooms,
                      int microbatches, int most_chunks, double message_time = 0,
                      std::optional<Ends> ends = {});

// The costs of each chunk if they share those of their stage evenly.
StageCosts even_chunks(const std::vector<Costs>& costs, int chunks);

}  // namespace pipeline
