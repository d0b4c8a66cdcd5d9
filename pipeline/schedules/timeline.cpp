#include "pipeline/schedules/timeline.h"

#include <algorithm>
#include <cstddef>

namespace pipeline {

double Timeline::busy(int stage) const {
  double sum = 0;
  for (const Interval& interval : stages.at(stage)) sum += interval.end - interval.start;
  return sum;
}

double Timeline::work() const {
  double sum = 0;
  for (std::size_t stage = 0; stage < stages.size(); ++stage) sum += busy(stage);
  return sum;
}

double Timeline::idle_share() const {
  return length > 0 ? 1 - work() / (length * stages.size()) : 0;
}

int Timeline::peak_in_flight(int stage) const {
  int held = 0, peak = 0;
  for (const Interval& interval : stages.at(stage)) {
    if (interval.action.work == Work::forward) peak = std::max(peak, ++held);
    if (interval.action.work == Work::weights) --held;
  }
  return peak;
}

}  // namespace pipeline
