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

namespace {

template <class Number, class Size>  // Size: of an activation in a chunk
Number peak(const std::vector<Interval>& intervals, const Size& size) {
  Number held = 0, peak = 0;
  for (const auto& [action, start, end] : intervals) {
    if (action.work == Work::forward) peak = std::max(peak, held += size(action.chunk));
    if (action.work == Work::weights) held -= size(action.chunk);
  }
  return peak;
}

}  // namespace

int Timeline::peak_in_flight(int stage) const {
  return peak<int>(stages.at(stage), [](int) { return 1; });
}

double Timeline::peak_held(int stage, const std::vector<double>& sizes) const {
  return peak<double>(stages.at(stage), [&](int chunk) { return sizes.at(chunk); });
}

}  // namespace pipeline
