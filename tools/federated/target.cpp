#include "tools/federated/target.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "nn/base/error.h"
#include "tools/federated/results.h"

namespace federated {

template <class Range, class Projection>
static std::optional<int> first_at(double target, const Range& range, Projection accuracy_of) {
  const auto reaches = [&](double accuracy) { return accuracy >= target; };
  const auto found = std::ranges::find_if(range, reaches, accuracy_of);
  if (found == range.end()) return {};
  return static_cast<int>(found - range.begin()) + 1;
}

std::optional<int> rounds_to(double target, std::span<const double> accuracies) {
  return first_at(target, accuracies, std::identity());
}

std::optional<int> rounds_to(double target, const std::vector<fl::Round>& rounds) {
  return first_at(target, rounds, &fl::Round::accuracy);
}

std::optional<int> rounds_to_target(const Run& run) {
  if (!run.experiment.target) return {};
  return rounds_to(*run.experiment.target, run.rounds);
}

std::string target_text(const Run& run) {
  nn::require(run.experiment.target.has_value(), "the run has no target");
  const double target = *run.experiment.target;
  const auto reached = rounds_to_target(run);
  if (!reached)
    return nn::concat(target, " % is not reached in ", run.rounds.size(),
                      run.rounds.size() == 1 ? " round" : " rounds");
  const auto& measures = run.rounds[*reached - 1].measures;
  const auto seconds = measures.find(fl::simulated_seconds);
  return nn::concat(target, " % is reached in round ", *reached,
                    seconds == measures.end()
                        ? ""
                        : nn::concat(", after ", percent(seconds->second), " simulated seconds"));
}

}  // namespace federated
