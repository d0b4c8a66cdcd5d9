#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "fl/config.h"
#include "fl/defences/defences.h"
#include "fl/secure_sum/fixed_point.h"
#include "fl/secure_sum/secure_sum.h"
#include "nn/base/error.h"
#include "nn/numpy.h"

namespace fl {

namespace {

using nn::real;

// The weighted mean. The server sees only the sums of share_k update_k and of share_k, in fixed
// point, by secure_sum(). In each of its steps a share of the clients drops out, drawn from the
// seed. A client with a number too large for fixed point is excluded before the first step.
class SecureMean : public Aggregation {
 public:
  explicit SecureMean(const Config& config)
      : seed_(config.seed),
        threshold_(std::max(least, static_cast<int>(std::ceil(
                                       option(config, "secure-threshold") *
                                       clients_per_round(config.clients, config.fraction))))),
        drop_out_(option(config, "secure-drop-out")) {}

  void start(int round) override {
    round_ = round;
    clients_.clear();
    inputs_.clear();
    excluded_.clear();
  }

  void add(const ClientUpdate& update) override {
    std::vector<std::uint64_t> input;
    for (real value : update.values) {
      const double part = update.share() * value;
      if (!fits_fixed_point(part))
        return excluded_.push_back({update.client, "its update does not fit fixed point"});
      input.push_back(to_fixed_point(part));
    }
    input.push_back(to_fixed_point(update.share()));
    clients_.push_back(update.client);
    inputs_.push_back(std::move(input));
  }

  std::span<const real> result() override {
    const int count = static_cast<int>(clients_.size());
    if (count == 0) return {};
    const std::vector<Step> drops = draw_drops();
    const SecureSum summed = secure_sum(std::move(inputs_), drops, threshold_);
    result_.clear();
    for (int i = 0; i < count; ++i)
      if (summed.sum.empty())
        excluded_.push_back({clients_[i], nn::concat("secure aggregation failed in the step \"",
                                                     name_of(summed.failed), "\": ", summed.left,
                                                     " left, ", threshold_, " needed")});
      else if (drops[i] < Step::unmask)
        excluded_.push_back({clients_[i], nn::concat("it dropped out of secure aggregation in \"",
                                                     name_of(drops[i]), '"')});
    if (summed.sum.empty()) return {};
    const double share = from_fixed_point(summed.sum.back());
    for (std::uint64_t value : std::span(summed.sum).first(summed.sum.size() - 1))
      result_.push_back(static_cast<real>(from_fixed_point(value) / share));
    return result_;
  }

  std::vector<Exclusion> excluded() const override { return excluded_; }

 private:
  std::vector<Step> draw_drops() const {
    nn::numpy::Generator draws(seed_ + (static_cast<std::uint64_t>(round_) + 1) * (1ull << 32));
    std::vector<Step> drops(clients_.size(), Step::none);
    for (Step& drop : drops)
      for (Step step : {Step::advertise_keys, Step::share_keys, Step::masked_input, Step::unmask})
        if (draws.random() < drop_out_) drop = std::min(drop, step);
    return drops;
  }

  static constexpr int least = 2;  // a sum of one would be that client's update

  std::uint64_t seed_;
  int threshold_;  // clients, out of all that were chosen
  double drop_out_;
  int round_ = 0;
  std::vector<int> clients_;
  std::vector<std::vector<std::uint64_t>> inputs_;
  std::vector<Exclusion> excluded_;
  std::vector<real> result_;
};

}  // namespace

std::unique_ptr<Aggregation> make_secure_mean(const Config& config) {
  return std::make_unique<SecureMean>(config);
}

void check_secure_mean(const Config&, int clients_per_round) {
  if (clients_per_round < 2)
    throw nn::InputError("a secure sum of one client in a round would be its update",
                         "choose a larger --fraction");
  if (clients_per_round > 255)
    throw nn::InputError(nn::concat("secure aggregation of ", clients_per_round,
                                    " clients in a round: its secrets have up to 255 shares"),
                         "choose a smaller --fraction");
}

}  // namespace fl
