#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "fl/config.h"
#include "fl/defences/defences.h"
#include "fl/privacy/accountant.h"
#include "fl/privacy/clip.h"

namespace fl {

namespace {

using nn::real;

// Differential privacy of clients, DP-FedAvg (McMahan et al. 2018, algorithm 1) with equal weights:
// m clients in a round, changes d_k with L2 norms of at most S, and
//   (sum over k of d_k min(1, S / |d_k|) + N(0, z^2 S^2)) / m
// Excluded clients add 0 and still count in m, so that m reveals nothing.
//
// With a quantile g, the clip follows it (Andrew et al. 2021, algorithm 1): b is the share of the
// round's norms within S, with noise of its own, and S <- S exp(-rate (b - g)). It is computed as
// 1/2 + (sum over k of 1/2 if |d_k| <= S, else -1/2) / m, so that no client changes that sum by
// more than 1/2, also by being there or not. Both noises together are worth z: that of this sum has
// a standard deviation s, a twentieth of m or z if that is more, and z of the other becomes
// (z^-2 - (2 s)^-2)^(-1/2).
class DpMean : public Aggregation {
 public:
  explicit DpMean(const Config& config)
      : noise_(option(config, "dp-noise")),
        delta_(option(config, "dp-delta")),
        quantile_(option(config, "dp-clip-quantile")),
        rate_(option(config, "dp-clip-rate")),
        seed_(config.seed),
        count_(clients_per_round(config.clients, config.fraction)),
        q_(static_cast<double>(count_) / config.clients),
        kept_{static_cast<real>(option(config, "dp-clip")), 0},
        used_clip_(clip()) {}

  // The noise's seeds count down from 2^32, those of clients up.
  void start(int round) override {
    generator_.manual_seed(~(seed_ + static_cast<std::uint64_t>(round)));
    sum_.clear();
    within_ = 0;
  }

  void add(const ClientUpdate& update) override {
    sum_.resize(update.values.size());
    const double factor = clip_factor(update.values, clip());
    for (std::size_t i = 0; i < sum_.size(); ++i)
      sum_[i] += update.values[i] * static_cast<real>(factor);
    within_ += factor == 1 ? 0.5 : -0.5;
  }

  std::span<const real> result() override {
    const bool adapts = quantile_ > 0 && noise_ > 0;
    const double count_noise = adapts ? std::max(count_ / 20.0, noise_) : 0;
    const double share = adapts ? noise_ / (2 * count_noise) : 0;
    add_noise(sum_, noise_ / std::sqrt(1 - share * share) * clip(), generator_);
    for (real& value : sum_) value /= static_cast<real>(count_);
    used_clip_ = clip();
    if (quantile_ > 0) adapt(count_noise);
    kept_.at(1) += 1;
    return sum_;
  }

  // The clip is that of the last round.
  std::map<std::string, double> measures() const override {
    return {{"Clip bound", used_clip_},
            {"Epsilon", epsilon(q_, noise_, static_cast<int>(kept_.at(1)), delta_)}};
  }

  std::vector<NamedVector> state() override { return {{"clip_and_rounds", kept_}}; }

 private:
  real& clip() { return kept_.at(0); }

  void adapt(double count_noise) {
    real within[] = {static_cast<real>(within_)};
    add_noise(within, count_noise, generator_);
    clip() *= static_cast<real>(std::exp(-rate_ * (0.5 + within[0] / count_ - quantile_)));
  }

  double noise_, delta_, quantile_, rate_;
  std::uint64_t seed_;
  int count_;  // m
  double q_;   // m / N
  nn::Generator generator_;
  std::vector<real> sum_;
  double within_ = 0;       // one half for each norm within the clip, less one for each other
  std::vector<real> kept_;  // the clip, and how many rounds there were
  real used_clip_;
};

}  // namespace

std::unique_ptr<Aggregation> make_dp(const Config& config) {
  return std::make_unique<DpMean>(config);
}

}  // namespace fl
