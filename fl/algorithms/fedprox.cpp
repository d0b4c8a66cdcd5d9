#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"

namespace fl {

namespace {

// FedProx (Li et al. 2020, algorithm 2): FedAvg whose clients minimise F_k(w_k) + mu / 2 |w_k -
// w|^2, so that mu (w_k - w) is added to the gradient of every local step.
class FedProx : public Algorithm {
 public:
  explicit FedProx(double mu) : mu_(static_cast<nn::real>(mu)) {}

  Update train(ClientContext& client) const override {
    const std::span<const nn::real> server = client.server_weights;
    const std::span<nn::real> weights = client.worker.weights(),
                              gradients = client.worker.gradients();
    train_epochs(client, [&] {
      for (std::size_t i = 0; i < weights.size(); ++i)
        gradients[i] += mu_ * (weights[i] - server[i]);
    });
    return {weights};
  }

 private:
  nn::real mu_;
};

}  // namespace

std::unique_ptr<Algorithm> make_fedprox(const Config& config, std::size_t) {
  return std::make_unique<FedProx>(option(config, "mu"));
}

}  // namespace fl
