#include "fl/clocks/schedule.h"

namespace fl {

std::vector<Turn> Rounds::next() {
  std::vector<Turn> turns;
  for (int client : choices_.choice(clients_, clients_per_round_))
    turns.push_back({client, round_, round_});
  ++round_;
  return turns;
}

}  // namespace fl
