#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"

namespace fl {

namespace {

using nn::real;

// FedNova (Wang et al. 2020, section 5): a client that takes more steps counts no more for it. With
// tau_k = times_counted() and p_k = n_k / n
//   w <- w + (sum over k of p_k tau_k) sum over k of p_k (w_k - w) / tau_k
class FedNova : public Algorithm {
 public:
  // Sends the change divided by tau_k, and after it tau_k.
  Update train(ClientContext& client) const override {
    const std::span<const real> server = client.server_weights;
    const std::span<const real> weights = client.worker.weights();
    const auto times =
        static_cast<real>(times_counted(train_epochs(client), client.training.momentum));
    const std::span<real> values = client.worker.scratch(weights.size() + 1);
    for (std::size_t i = 0; i < weights.size(); ++i) values[i] = (weights[i] - server[i]) / times;
    values.back() = times;
    return {values};
  }

  Cost cost(std::size_t weights) const override { return {weights + 1}; }

  void apply(ServerContext& server, std::span<const real> mean) override {
    const real times = mean.back();
    for (std::size_t i = 0; i < server.weights.size(); ++i) server.weights[i] += times * mean[i];
  }
};

}  // namespace

std::unique_ptr<Algorithm> make_fednova(const Config&, std::size_t) {
  return std::make_unique<FedNova>();
}

}  // namespace fl
