#include "fl/aggregate.h"

#include <cmath>

#include "nn/base/error.h"

namespace fl {

bool is_finite(std::span<const nn::real> update) {
  // Zero times a NaN or an infinity is NaN, and so is every sum that it enters.
  nn::real zero = 0;
  for (nn::real value : update) zero += value * 0;
  return zero == 0;
}

void WeightedMean::add(std::span<const nn::real> update, int samples, int round_samples) {
  nn::require(update.size() == sum_.size(), "weighted mean: an update of ", update.size(),
              " numbers for a model of ", sum_.size());
  const auto share = static_cast<nn::real>(static_cast<double>(samples) / round_samples);
  for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += update[i] * share;
  samples_ += samples;
  round_samples_ = round_samples;
}

std::span<const nn::real> WeightedMean::mean() {
  if (samples_ != round_samples_) {
    const auto scale = static_cast<nn::real>(static_cast<double>(round_samples_) / samples_);
    for (nn::real& value : sum_) value *= scale;
    samples_ = round_samples_;
  }
  return sum_;
}

}  // namespace fl
