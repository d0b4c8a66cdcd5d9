#include <algorithm>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"

namespace fl {

namespace {

using nn::real;

// FedDyn (Acar et al. 2021, algorithm 1). The server keeps h and client k keeps g_k, its estimate
// of its own loss's gradient; both begin as 0. A local step goes along g - g_k + alpha (w_k - w);
// after them
//   g_k <- g_k - alpha (w_k - w)
// and with plain means over the clients S of the round
//   h <- h - alpha |S| / N mean(w_k - w),  w <- mean(w_k) - h / alpha
class FedDyn : public Algorithm {
 public:
  FedDyn(double alpha, std::size_t size) : alpha_(static_cast<real>(alpha)), h_(size) {}

  Update train(ClientContext& client) const override {
    const std::span<const real> server = client.server_weights;
    const std::span<real> weights = client.worker.weights(), gradients = client.worker.gradients();
    const std::span<real> own = client.worker.scratch(weights.size());
    if (!client.copy_state(own)) std::ranges::fill(own, real(0));
    train_epochs(client, [&] {
      for (std::size_t i = 0; i < weights.size(); ++i)
        gradients[i] += alpha_ * (weights[i] - server[i]) - own[i];
    });
    for (std::size_t i = 0; i < weights.size(); ++i) own[i] -= alpha_ * (weights[i] - server[i]);
    return {weights, own};
  }

  void apply(ServerContext& server, std::span<const real> mean_weights) override {
    const auto share = static_cast<real>(static_cast<double>(server.participants) / server.clients);
    for (std::size_t i = 0; i < h_.size(); ++i) {
      real& w = server.weights[i];
      h_[i] -= alpha_ * share * (mean_weights[i] - w);
      w = mean_weights[i] - h_[i] / alpha_;
    }
  }

  std::vector<NamedState> state() override { return {{"h", h_}}; }

 private:
  real alpha_;
  std::vector<real> h_;
};

}  // namespace

std::unique_ptr<Algorithm> make_feddyn(const Config& config, std::size_t size) {
  return std::make_unique<FedDyn>(option(config, "feddyn-alpha"), size);
}

}  // namespace fl
