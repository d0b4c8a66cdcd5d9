#include <algorithm>
#include <vector>

#include "fl/algorithms.h"
#include "fl/epoch.h"

namespace fl {

namespace {

// The baseline without federation: E epochs over all samples, shuffled as DataLoader(shuffle=True)
// does: a seed drawn from the default generator starts another one, which draws the order.
class Centralized : public Algorithm {
 public:
  Update train(ClientContext& client) const override {
    const std::span<const int> samples = client.samples;
    std::vector<int> shuffled(samples.size());
    for (int epoch = 0; epoch < client.training.epochs; ++epoch) {
      start_pass(client.generator);
      nn::Generator order(static_cast<std::uint64_t>(client.generator.random_int64()));
      const std::vector<int> permutation = order.permutation(static_cast<int>(samples.size()));
      for (std::size_t i = 0; i < shuffled.size(); ++i) shuffled[i] = samples[permutation[i]];
      train_pass(client, shuffled);
    }
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
