#include "fl/defences/aggregation.h"

#include <algorithm>
#include <numeric>

#include "nn/base/error.h"

namespace fl {

void WeightedMean::start(int) {
  sum_.clear();
  weight_ = round_weight_ = 0;
}

void WeightedMean::add(const ClientUpdate& update) {
  if (sum_.empty()) sum_.resize(update.values.size());
  nn::require(update.values.size() == sum_.size(), "weighted mean: an update of ",
              update.values.size(), " numbers after one of ", sum_.size());
  const auto share = static_cast<nn::real>(update.share());
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

std::vector<double> UpdateMatrix::shares() const {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> shares(weights.begin(), weights.end());
  for (double& share : shares) share /= sum;
  return shares;
}

void UpdateMatrix::keep_only(std::span<const int> rows) {
  int kept = 0;
  for (int i : rows) {
    if (i != kept) std::ranges::copy(row(i), row(kept).begin());
    clients[kept] = clients[i];
    weights[kept++] = weights[i];
  }
  clients.resize(kept);
  weights.resize(kept);
  values.resize(kept * size);
}

void HeldUpdates::start(int) {
  updates_.values.clear();
  updates_.clients.clear();
  updates_.weights.clear();
}

void HeldUpdates::add(const ClientUpdate& update) {
  if (updates_.clients.empty()) updates_.size = update.values.size();
  nn::require(update.values.size() == updates_.size, "aggregation: an update of ",
              update.values.size(), " numbers after one of ", updates_.size);
  updates_.values.insert(updates_.values.end(), update.values.begin(), update.values.end());
  updates_.clients.push_back(update.client);
  updates_.weights.push_back(update.weight);
}

std::span<const nn::real> HeldUpdates::result() {
  result_.resize(updates_.size);
  combine(updates_, result_);
  return result_;
}

}  // namespace fl
