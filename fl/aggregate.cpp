#include "fl/aggregate.h"

#include <array>

#include "nn/base/error.h"

namespace fl {

void WeightedMean::add(const ClientUpdate& update) {
  if (sum_.empty()) sum_.resize(update.values.size());
  nn::require(update.values.size() == sum_.size(), "weighted mean: an update of ",
              update.values.size(), " numbers after one of ", sum_.size());
  const auto share =
      static_cast<nn::real>(static_cast<double>(update.weight) / update.round_weight);
  for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += update.values[i] * share;
  weight_ += update.weight;
  round_weight_ = update.round_weight;
}

std::span<const nn::real> WeightedMean::result() {
  if (weight_ != round_weight_) {
    const auto scale = static_cast<nn::real>(static_cast<double>(round_weight_) / weight_);
    for (nn::real& value : sum_) value *= scale;
    weight_ = round_weight_;
  }
  return sum_;
}

std::span<const AggregationEntry> aggregation_table() {
  static constexpr std::array table{
      AggregationEntry{.name = "mean",
                       .description = "the mean, weighted as the algorithm says",
                       .make = []() -> std::unique_ptr<Aggregation> {
                         return std::make_unique<WeightedMean>();
                       }},
  };
  return table;
}

}  // namespace fl
