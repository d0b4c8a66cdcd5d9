#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/federated/runner.h"

// How soon runs reach an accuracy.
namespace federated {

// The first round, from 1, whose test accuracy is at least the target: where the best accuracy so
// far crosses it (McMahan et al. 2017, section 3, who interpolate between rounds; here it is a
// whole round). Nothing if no round reaches it.
std::optional<int> rounds_to(double target, std::span<const double> accuracies);
std::optional<int> rounds_to(double target, const std::vector<fl::Round>& rounds);

// The same of a run with a target; nothing without one.
std::optional<int> rounds_to_target(const Run& run);

// "97 % is reached in round 12, after 340.5 simulated seconds", "... is not reached in 20 rounds".
// Throws nn::Error without a target.
std::string target_text(const Run& run);

}  // namespace federated
