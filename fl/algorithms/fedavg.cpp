#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"

namespace fl {

namespace {

// FederatedAveraging (McMahan et al. 2017, algorithm 1): w <- sum over k of n_k / n w_k
class FedAvg : public Algorithm {
 public:
  Update train(ClientContext& client) const override {
    train_epochs(client);
    return {client.worker.weights()};
  }
};

}  // namespace

std::unique_ptr<Algorithm> make_fedavg(const Config&, std::size_t) {
  return std::make_unique<FedAvg>();
}

}  // namespace fl
