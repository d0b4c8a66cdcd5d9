#pragma once

#include <string>

namespace bench {

// What a round of ten clients costs among so many, in a run of the 2NN that is saved after every
// round: each takes ten steps with six images, which it has with 10,000 clients, too. The run is
// tested once, at its end.
struct RoundCost {
  double seconds;    // of the whole program, divided by its rounds
  double megabytes;  // at its largest
};
RoundCost cost_of_round(const std::string& algorithm, int clients);

}  // namespace bench
