#include <algorithm>

#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"
#include "nn/base/error.h"

namespace fl {

namespace {

using nn::real;

// One vector of weights and buffers.
void join(std::span<const real> weights, std::span<const real> buffers, std::span<real> joined) {
  std::ranges::copy(weights, joined.begin());
  std::ranges::copy(buffers, joined.last(buffers.size()).begin());
}
void split(std::span<const real> joined, std::span<real> weights, std::span<real> buffers) {
  std::ranges::copy(joined.first(weights.size()), weights.begin());
  std::ranges::copy(joined.last(buffers.size()), buffers.begin());
}

// Ditto (Li et al. 2021, algorithm 1): FedAvg, and each client also keeps a model v_k of its own,
// which begins as the server's. After its part of a round it trains v_k as long again, to minimise
// F_k(v_k) + lambda / 2 |v_k - w|^2: lambda (v_k - w) is added to the gradient of every step.
class Ditto : public Algorithm {
 public:
  explicit Ditto(double lambda) : lambda_(static_cast<real>(lambda)) {}

  Update train(ClientContext& client) const override {
    const std::span<const real> server = client.server_weights;
    const std::span<real> weights = client.worker.weights(), buffers = client.worker.buffers(),
                          gradients = client.worker.gradients();
    const std::size_t size = weights.size() + buffers.size();
    const std::span<real> all = client.worker.scratch(2 * size), own = all.first(size),
                          shared = all.last(size);
    if (!client.copy_state(own)) join(weights, buffers, own);
    train_epochs(client);
    join(weights, buffers, shared);

    split(own, weights, buffers);
    ClientContext personal = client;  // its losses are not the round's
    train_epochs(personal, [&] {
      for (std::size_t i = 0; i < weights.size(); ++i)
        gradients[i] += lambda_ * (weights[i] - server[i]);
    });
    join(weights, buffers, own);
    split(shared, weights, buffers);
    return {weights, own};
  }

  Cost cost(std::size_t weights) const override { return {weights, 2}; }

  void personalise(std::span<const real> state, std::span<real> weights,
                   std::span<real> buffers) const override {
    if (state.empty()) return;
    const std::size_t size = weights.size() + buffers.size();
    nn::require(state.size() == size, "ditto: a model of ", state.size(), " numbers, not ", size);
    split(state, weights, buffers);
  }

 private:
  real lambda_;
};

}  // namespace

std::unique_ptr<Algorithm> make_ditto(const Config& config, std::size_t) {
  return std::make_unique<Ditto>(option(config, "lambda"));
}

}  // namespace fl
