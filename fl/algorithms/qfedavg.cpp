#include <algorithm>
#include <cmath>

#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"

namespace fl {

namespace {

using nn::real;

// q-FedAvg (Li et al. 2020, "Fair resource allocation in federated learning", algorithm 2): the
// larger a client's loss, the more it counts. With F_k the loss of client k at the server's
// weights, d_k = w_k - w and L = 1 / learning rate
//   w <- w + sum over k of F_k^q d_k / sum over k of (F_k^q + q L F_k^(q-1) |d_k|^2)
// which is the paper's with both sums divided by L, so that updates are about as long as changes.
class QFedAvg : public Algorithm {
 public:
  explicit QFedAvg(double q) : q_(q) {}

  // Sends F_k^q d_k, and after it the client's part of the denominator.
  Update train(ClientContext& client) const override {
    const std::span<const real> server = client.server_weights;
    const std::span<const real> weights = client.worker.weights();
    const Predictions before = client.worker.predict(client.examples, client.samples);
    // Not 0, whose power q - 1 can be infinite.
    const double loss = std::max(before.loss / static_cast<double>(before.labels.size()), 1e-10);
    train_epochs(client);

    const double lipschitz = 1 / client.training.learning_rate, power = std::pow(loss, q_);
    const std::span<real> values = client.worker.scratch(weights.size() + 1);
    double square = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double change = weights[i] - server[i];
      square += change * change;
      values[i] = static_cast<real>(power * change);
    }
    values.back() = static_cast<real>(power + q_ * lipschitz * std::pow(loss, q_ - 1) * square);
    return {values};
  }

  Cost cost(std::size_t weights) const override { return {weights + 1}; }

  void apply(ServerContext& server, std::span<const real> mean) override {
    const real scale = 1 / mean.back();
    for (std::size_t i = 0; i < server.weights.size(); ++i) server.weights[i] += scale * mean[i];
  }

 private:
  double q_;
};

}  // namespace

std::unique_ptr<Algorithm> make_qfedavg(const Config& config, std::size_t) {
  return std::make_unique<QFedAvg>(option(config, "q"));
}

}  // namespace fl
