#include <algorithm>
#include <numeric>
#include <vector>

#include "fl/defences/defences.h"
#include "fl/defences/vectors.h"

namespace fl {

namespace {

using nn::real;

// The smoothed Weiszfeld algorithm (Pillutla et al. 2022, algorithm 2), which is robust federated
// averaging. A step goes from z to the mean of the updates u_k with the weights
//   (n_k / n) / max(smoothing, |z - u_k|)
// The first z is 0, not the mean, which one huge update would take far away.
class GeometricMedian : public HeldUpdates {
 public:
  GeometricMedian(int iterations, double smoothing)
      : iterations_(iterations), smoothing_(smoothing) {}

 private:
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    const std::vector<double> shares = updates.shares();
    std::ranges::fill(result, real(0));
    for (int iteration = 0; iteration < iterations_; ++iteration) {
      std::vector<double> weights = shares;
      for (int i = 0; i < updates.count(); ++i)
        weights[i] /= std::max(smoothing_, distance(result, updates.row(i)));
      const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (double& weight : weights) weight /= sum;
      weighted_sum(updates, weights, result);
    }
  }

  int iterations_;
  double smoothing_;
};

}  // namespace

std::unique_ptr<Aggregation> make_geometric_median(const Config& config) {
  return std::make_unique<GeometricMedian>(int_option(config, "iterations"),
                                           option(config, "smoothing"));
}

}  // namespace fl
