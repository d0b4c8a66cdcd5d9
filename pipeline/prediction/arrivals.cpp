#include "pipeline/prediction/arrivals.h"

#include <algorithm>
#include <limits>

namespace pipeline {

Arrivals::Arrivals(const StepWork& work, int steps) : work_(work), placement_(work.plan.placement) {
  const int parts = placement_.parts(), last = parts - 1, microbatches = work.plan.microbatches;
  inputs_.resize(at(steps, {}, 0, 0));
  for (int step = 0; step < steps; ++step)
    for (int microbatch = 0; microbatch < microbatches; ++microbatch) {
      const auto missing = [&](Work kind, int part) -> int& {
        return inputs_[at(step, kind, part, microbatch)].missing;
      };
      for (int part = 0; part < last; ++part)
        missing(Work::forward, part + 1) = missing(Work::backward, part) = 1;
      if (!work.plan.splits_head) continue;
      missing(Work::backward, last) = placement_.stages();
      for (int stage = 0; stage < placement_.stages(); ++stage)
        for (const Work kind : {Work::scores, Work::head})
          missing(kind, placement_.part(stage, 0)) = 1;
    }
}

std::size_t Arrivals::at(int step, Work work, int part, int microbatch) const {
  const std::size_t kind = step * kinds_of_work + static_cast<int>(work);
  return (kind * placement_.parts() + part) * work_.plan.microbatches + microbatch;
}

double Arrivals::of(int step, int stage, const Action& action) const {
  const auto& [missing, arrival] =
      inputs_[at(step, action.work, placement_.part(stage, action.chunk), action.microbatch)];
  return missing > 0 ? std::numeric_limits<double>::infinity() : arrival;
}

void Arrivals::give(int step, int stage, const Action& action, double now,
                    const std::function<double(double bytes)>& send) {
  const int part = placement_.part(stage, action.chunk), last = placement_.parts() - 1;
  const bool feeds_head = work_.plan.splits_head && part == last;
  const auto give_to = [&](Work kind, int to, double bytes) {
    auto& [missing, arrival] = inputs_[at(step, kind, to, action.microbatch)];
    --missing;
    arrival = std::max(arrival, placement_.stage(to) == stage ? now : send(bytes));
  };
  switch (action.work) {
    case Work::forward:
      if (part < last) give_to(Work::forward, part + 1, work_.activation_bytes);
      for (int other = 0; feeds_head && other < placement_.stages(); ++other)
        give_to(Work::scores, placement_.part(other, 0), work_.activation_bytes);
      break;
    case Work::backward:
      if (part > 0) give_to(Work::backward, part - 1, work_.activation_bytes);
      for (int other = 0; feeds_head && other < placement_.stages(); ++other)
        give_to(Work::head, placement_.part(other, 0), work_.factors_bytes[other]);
      break;
    case Work::scores:
      give_to(Work::backward, last, work_.scores_bytes[stage]);
      break;
    case Work::weights:
    case Work::head:
      break;
  }
}

}  // namespace pipeline
