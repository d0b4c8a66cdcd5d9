#include <algorithm>

#include "fl/algorithms.h"
#include "fl/epoch.h"

namespace fl {

namespace {

// The baseline without federation: E epochs over all samples, shuffled.
class Centralized : public Algorithm {
 public:
  Update train(ClientContext& client) const override {
    train_epochs(client);
    return {client.worker.weights()};
  }

  void apply(ServerContext& server, std::span<const nn::real> weights) override {
    std::ranges::copy(weights, server.weights.begin());
  }
};

}  // namespace

std::unique_ptr<Algorithm> make_centralized(const Config&, std::size_t) {
  return std::make_unique<Centralized>();
}

}  // namespace fl
