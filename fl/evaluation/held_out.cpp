#include "fl/evaluation/held_out.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "nn/base/error.h"

namespace fl {

namespace {

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::vector<std::vector<int>> hold_out(std::vector<std::vector<int>>& samples, double share) {
  nn::require(share >= 0 && share < 1, "held out: a share of ", share, " is outside [0, 1)");
  std::vector<std::vector<int>> held_out(samples.size());
  for (std::size_t client = 0; client < samples.size(); ++client) {
    std::vector<int> rest;
    for (int sample : samples[client]) {
      const auto seen = static_cast<double>(rest.size() + held_out[client].size());
      const bool is_held_out = std::floor((seen + 1) * share) > std::floor(seen * share);
      (is_held_out ? held_out[client] : rest).push_back(sample);
    }
    samples[client] = std::move(rest);
  }
  return held_out;
}

std::map<std::string, double> client_measures(std::vector<double> accuracies) {
  if (accuracies.empty()) return {};
  std::ranges::sort(accuracies);
  const double all = mean(accuracies);
  std::vector<double> squares;
  for (double accuracy : accuracies) squares.push_back((accuracy - all) * (accuracy - all));
  return {{"Client accuracy", all},
          {"Client accuracy deviation", std::sqrt(mean(squares))},
          {"Client accuracy worst tenth",
           mean(std::span(accuracies).first((accuracies.size() + 9) / 10))}};
}

}  // namespace fl
