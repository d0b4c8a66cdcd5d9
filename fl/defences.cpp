#include "fl/defences.h"

#include <algorithm>

namespace fl {

std::span<const DefenceEntry> defence_table() {
  static const std::vector<DefenceEntry> table{
      {.name = "median",
       .label = "Median",
       .description = "the median of every number",
       .make = make_median},
      {.name = "dp",
       .label = "DP-FedAvg",
       .description = "the mean of clipped changes with noise: differential privacy",
       .make = make_dp,
       .options = {{"dp-clip", "largest L2 norm of a change", 1, 1e-9, 1e9},
                   {"dp-noise", "noise of the sum, as a multiple of the clip", 1, 0, 1e3},
                   {"dp-delta", "delta that epsilon is given for", 1e-5, 1e-15, 0.5},
                   {"dp-clip-quantile", "of the norms, which the clip follows; 0: fixed", 0, 0, 1},
                   {"dp-clip-rate", "how fast it follows", 0.2, 0, 10}}},
      {.name = "secure-mean",
       .label = "Secure mean",
       .description = "the mean, by a protocol that shows the server no single update",
       .make = make_secure_mean,
       .options = {{"secure-threshold", "share of the clients that must remain", 0.6, 0.5, 1},
                   {"secure-drop-out", "share that drops out in each step", 0, 0, 1}},
       .check = check_secure_mean},
  };
  return table;
}

const DefenceEntry* find_defence(std::string_view name) {
  const auto found = std::ranges::find(defence_table(), name, &DefenceEntry::name);
  return found == defence_table().end() ? nullptr : &*found;
}

}  // namespace fl
