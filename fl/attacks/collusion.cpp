#include <algorithm>
#include <cmath>
#include <vector>

#include "fl/attacks/attacks.h"

namespace fl {

namespace {

using nn::real;

// The mean of the changes of those that are malicious, or of those that are not: [size].
std::vector<double> mean_of(std::span<const RoundUpdate> all, bool malicious) {
  std::vector<double> mean(all.front().change.size());
  int count = 0;
  for (const RoundUpdate& update : all) {
    if (update.is_malicious != malicious) continue;
    ++count;
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += update.change[i];
  }
  for (double& value : mean) value /= std::max(1, count);
  return mean;
}

void send(std::span<const RoundUpdate> all, std::span<const double> change) {
  for (const RoundUpdate& update : all)
    if (update.is_malicious)
      std::ranges::transform(change, update.change.begin(),
                             [](double value) { return static_cast<real>(value); });
}

// "A little is enough" (Baruch et al. 2019, algorithm 3): all malicious clients send the mean of
// what they would send honestly, less z of its standard deviations, so that every number stays
// where honest ones lie.
class LittleIsEnough : public Attack {
 public:
  explicit LittleIsEnough(double z) : z_(z) {}
  bool colludes() const override { return true; }

  void collude(std::span<const RoundUpdate> all) const override {
    std::vector<double> change = mean_of(all, true), squares(change.size());
    int count = 0;
    for (const RoundUpdate& update : all) {
      if (!update.is_malicious) continue;
      ++count;
      for (std::size_t i = 0; i < squares.size(); ++i)
        squares[i] += (update.change[i] - change[i]) * (update.change[i] - change[i]);
    }
    for (std::size_t i = 0; i < change.size(); ++i)
      change[i] -= z_ * std::sqrt(squares[i] / std::max(1, count));
    send(all, change);
  }

 private:
  double z_;
};

// Inner-product manipulation (Xie et al. 2019, section 4): all malicious clients send -epsilon
// times the mean of the others' changes.
class InnerProduct : public Attack {
 public:
  explicit InnerProduct(double epsilon) : epsilon_(epsilon) {}
  bool colludes() const override { return true; }

  void collude(std::span<const RoundUpdate> all) const override {
    std::vector<double> change = mean_of(all, false);
    for (double& value : change) value *= -epsilon_;
    send(all, change);
  }

 private:
  double epsilon_;
};

}  // namespace

std::unique_ptr<Attack> make_alie(const Config& config) {
  return std::make_unique<LittleIsEnough>(option(config, "attack-scale"));
}

std::unique_ptr<Attack> make_ipm(const Config& config) {
  return std::make_unique<InnerProduct>(option(config, "attack-scale"));
}

}  // namespace fl
