#pragma once

#include <vector>

#include "tools/homework/record.h"

namespace homework {

// A run with these accuracies.
inline Run made_up_run(const std::vector<double>& accuracies) {
  Run run;
  for (double accuracy : accuracies) {
    fl::Round& round = run.rounds.emplace_back();
    round.number = static_cast<int>(run.rounds.size());
    round.accuracy = accuracy;
    round.messages = 20 * round.number;
    round.ideal_seconds = 1.26 * round.number;
  }
  run.experiment.rounds = static_cast<int>(run.rounds.size());
  return run;
}

}  // namespace homework
