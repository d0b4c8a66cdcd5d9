#pragma once

#include <span>
#include <vector>

#include "nn/real.h"

namespace fl {

// No update may carry a NaN or an infinity into the model.
bool is_finite(std::span<const nn::real> update);

// sum of share_k update_k / sum of share_k, one update at a time, so that only the sum is kept.
// Shares are fractions of the round's samples: where all clients deliver, they add up to 1 and the
// result is what the notebook computes; where some are left out, it is renormalised.
class WeightedMean {
 public:
  explicit WeightedMean(std::size_t size) : sum_(size) {}

  void add(std::span<const nn::real> update, int samples, int round_samples);
  bool is_empty() const { return samples_ == 0; }
  std::span<const nn::real> mean();

 private:
  std::vector<nn::real> sum_;
  int samples_ = 0, round_samples_ = 0;
};

}  // namespace fl
