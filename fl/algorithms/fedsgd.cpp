#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"
#include "nn/optimizer.h"

namespace fl {

namespace {

// FederatedSGD (McMahan et al. 2017, section 2), with gradients: g_k is the gradient of client k's
// mean loss over all its samples, and w <- w - eta sum over k of n_k / n g_k.
class FedSgd : public Algorithm {
 public:
  Update train(ClientContext& client) const override {
    start_pass(client.generator);
    client.compute_gradient(client.samples);
    return {client.worker.gradients()};
  }

  void apply(ServerContext& server, std::span<const nn::real> mean_gradient) override {
    nn::sgd_step(server.weights, mean_gradient, server.learning_rate);
  }
};

// With weights: w_k = w - eta g_k, and w <- sum over k of n_k / n w_k.
class FedSgdWeight : public Algorithm {
 public:
  Update train(ClientContext& client) const override {
    start_pass(client.generator);
    client.compute_gradient(client.samples);
    nn::sgd_step(client.worker.weights(), client.worker.gradients(), client.training.learning_rate);
    return {client.worker.weights()};
  }
};

}  // namespace

std::unique_ptr<Algorithm> make_fedsgd(const Config&, std::size_t) {
  return std::make_unique<FedSgd>();
}

std::unique_ptr<Algorithm> make_fedsgd_weight(const Config&, std::size_t) {
  return std::make_unique<FedSgdWeight>();
}

}  // namespace fl
