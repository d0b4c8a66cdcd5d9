#pragma once

#include <string>

namespace bench {

// The cost of a round of ten clients out of `clients`, in a run of the 2NN that is saved after
// every round. Each takes ten steps with six images, all that a client has if there are 10,000. The
// run is tested once, at its end.
struct RoundCost {
  double seconds;    // of the whole program, divided by its rounds
  double megabytes;  // at its largest
};
RoundCost cost_of_round(const std::string& algorithm, int clients);

}  // namespace bench
