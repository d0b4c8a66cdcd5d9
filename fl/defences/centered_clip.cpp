#include <algorithm>
#include <numeric>
#include <vector>

#include "fl/defences/defences.h"
#include "fl/defences/vectors.h"
#include "nn/base/error.h"

namespace fl {

namespace {

using nn::real;

// Centered clipping (Karimireddy et al. 2021, algorithm 2). From the last round's aggregate v, at
// first 0, every iteration goes to
//   v + sum of n_k / n (u_k - v) min(1, radius / |u_k - v|)
class CenteredClip : public HeldUpdates {
 public:
  CenteredClip(double radius, int iterations) : radius_(radius), iterations_(iterations) {}

  std::vector<NamedVector> state() override { return {{"centre", centre_}}; }

 private:
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    if (centre_.empty()) centre_.resize(updates.size);
    nn::require(centre_.size() == updates.size, "centered-clip: a centre of ", centre_.size(),
                " numbers, and updates of ", updates.size);
    for (int iteration = 0; iteration < iterations_; ++iteration) {
      std::vector<double> weights = updates.shares();
      for (int i = 0; i < updates.count(); ++i)
        weights[i] *= std::min(1.0, radius_ / distance(updates.row(i), centre_));
      const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
      weighted_sum(updates, weights, result);
      for (std::size_t j = 0; j < centre_.size(); ++j)
        centre_[j] = static_cast<real>(1 - sum) * centre_[j] + result[j];
    }
    std::ranges::copy(centre_, result.begin());
  }

  double radius_;
  int iterations_;
  std::vector<real> centre_;
};

}  // namespace

std::unique_ptr<Aggregation> make_centered_clip(const Config& config) {
  return std::make_unique<CenteredClip>(option(config, "clip-radius"),
                                        int_option(config, "iterations"));
}

}  // namespace fl
