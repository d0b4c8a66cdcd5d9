#include "nn/models/sample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nn/base/error.h"
#include "nn/random.h"
#include "nn/real.h"

namespace nn {

namespace {

struct Candidate {
  double weight;
  int token;
  // Of equally likely tokens, the first counts as more likely.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.token > b.token;
  }
};

// The most likely candidates, as many as it takes for their weights to add up to `wanted`, and at
// most `most`. A heap finds them without sorting the long tail.
std::span<Candidate> likeliest(std::span<Candidate> all, double wanted, std::size_t most) {
  std::make_heap(all.begin(), all.end());
  std::size_t heap = all.size();
  for (double reached = 0; heap > 0 && reached < wanted && all.size() - heap < most;
       reached += all[heap].weight)
    std::pop_heap(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(heap--));
  return all.subspan(heap);
}

double sum(std::span<const Candidate> candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += candidate.weight;
  return total;
}

}  // namespace

int sample(std::span<const real> logits, const Sampling& sampling, Generator& generator) {
  const auto& [temperature, top_p, top_k] = sampling;
  require(temperature >= 0 && std::isfinite(temperature), "sample: temperature ", temperature,
          " is not a finite number of at least 0");
  require(top_p > 0 && top_p <= 1, "sample: top_p ", top_p, " is not in (0, 1]");
  require(top_k >= 0, "sample: top_k ", top_k, " is negative");
  require(std::ranges::none_of(logits, [](real x) { return std::isnan(x); }),
          "sample: a score is NaN");
  const auto best = std::ranges::max_element(logits);
  require(best != logits.end() && std::isfinite(*best), "sample: the largest of ", logits.size(),
          " scores is not finite");
  if (temperature == 0) return static_cast<int>(best - logits.begin());

  std::vector<Candidate> all(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i)
    all[i] = {std::exp((static_cast<double>(logits[i]) - *best) / temperature),
              static_cast<int>(i)};
  std::span<Candidate> left = all;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (top_k > 0) left = likeliest(left, infinity, top_k);
  if (top_p < 1) left = likeliest(left, top_p * sum(left), left.size());

  double weight = static_cast<double>(generator.next64() >> 11) * 0x1p-53 * sum(left);
  for (const Candidate& candidate : left) {
    weight -= candidate.weight;
    if (weight < 0) return candidate.token;
  }
  return static_cast<int>(best - logits.begin());  // only after rounding
}

}  // namespace nn
