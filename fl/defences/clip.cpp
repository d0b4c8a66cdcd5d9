#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "fl/defences/defences.h"
#include "fl/defences/vectors.h"

namespace fl {

namespace {

using nn::real;

// The sum of n_k / n times the updates, each of those shortened by
//   min(1, ratio mean norm / (norm + 1e-6))
class Clip : public HeldUpdates {
 public:
  explicit Clip(double ratio) : ratio_(ratio) {}

 protected:
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    const int n = updates.count();
    std::vector<double> weights = updates.shares(), norms(n);
    for (int i = 0; i < n; ++i) norms[i] = weights[i] * norm(updates.row(i));
    const double mean = std::accumulate(norms.begin(), norms.end(), 0.0) / n;
    for (int i = 0; i < n; ++i) weights[i] *= std::min(1.0, ratio_ * mean / (norms[i] + 1e-6));
    weighted_sum(updates, weights, result);
  }

 private:
  double ratio_;
};

// SparseFed (Panda et al. 2022) without momentum and error feedback: clips, and then sets all
// numbers of the aggregate to 0 but the share of largest magnitude, the first of equals.
class SparseFed : public Clip {
 public:
  SparseFed(double ratio, double share) : Clip(ratio), share_(share) {}

 private:
  void combine(UpdateMatrix& updates, std::span<real> result) override {
    Clip::combine(updates, result);
    std::vector<std::size_t> order(result.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto kept =
        static_cast<std::ptrdiff_t>(std::max(1.0, static_cast<double>(order.size()) * share_));
    const auto rest = order.begin() + std::min(kept, std::ssize(order));
    std::ranges::nth_element(order, rest, [&](std::size_t a, std::size_t b) {
      const real of_a = std::abs(result[a]), of_b = std::abs(result[b]);
      return of_a > of_b || (of_a == of_b && a < b);
    });
    for (auto dropped = rest; dropped != order.end(); ++dropped) result[*dropped] = 0;
  }

  double share_;
};

}  // namespace

std::unique_ptr<Aggregation> make_clip(const Config& config) {
  return std::make_unique<Clip>(option(config, "clip-ratio"));
}

std::unique_ptr<Aggregation> make_sparsefed(const Config& config) {
  return std::make_unique<SparseFed>(option(config, "clip-ratio"), option(config, "top-k"));
}

}  // namespace fl
