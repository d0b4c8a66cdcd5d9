#include <algorithm>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"

namespace fl {

namespace {

using nn::real;

// SCAFFOLD (Karimireddy et al. 2020, algorithm 1, option II). The server keeps a control variate c
// and client i its own c_i, both 0 before their first round. A local step goes along g - c_i + c;
// after K of them
//   c_i+ = c_i - c + (w - w_i) / (K eta)
// where momentum makes K times_counted(), so that c_i+ is still a mean of gradients,
// and with plain means over the clients S of the round
//   w <- w + eta_s mean(w_i - w),  c <- c + |S| / N mean(c_i+ - c_i)
class Scaffold : public Algorithm {
 public:
  Scaffold(double server_rate, std::size_t size)
      : server_rate_(static_cast<real>(server_rate)), control_(size) {}

  std::span<const real> broadcast() const override { return control_; }
  Cost cost(std::size_t weights) const override { return {2 * weights}; }

  // Sends the changes of the weights and of c_i, one after the other, and keeps c_i+.
  Update train(ClientContext& client) const override {
    const std::span<const real> server = client.server_weights, c = client.broadcast;
    const std::span<real> weights = client.worker.weights(), gradients = client.worker.gradients();
    const std::size_t size = weights.size();
    const std::span<real> all = client.worker.scratch(3 * size), change = all.first(size),
                          control_change = all.subspan(size, size), own = all.last(size);
    if (!client.copy_state(own)) std::ranges::fill(own, real(0));

    const int steps = train_epochs(client, [&] {
      for (std::size_t i = 0; i < size; ++i) gradients[i] += c[i] - own[i];
    });
    const double times = times_counted(steps, client.training.momentum);
    const auto scale = static_cast<real>(1 / (times * client.training.learning_rate));
    for (std::size_t i = 0; i < size; ++i) {
      change[i] = weights[i] - server[i];
      control_change[i] = -c[i] - change[i] * scale;
      own[i] += control_change[i];
    }
    return {all.first(2 * size), own};
  }

  void apply(ServerContext& server, std::span<const real> mean) override {
    const std::size_t size = control_.size();
    const auto share = static_cast<real>(static_cast<double>(server.participants) / server.clients);
    for (std::size_t i = 0; i < size; ++i) {
      server.weights[i] += server_rate_ * mean[i];
      control_[i] += share * mean[size + i];
    }
  }

  std::vector<NamedState> state() override { return {{"control", control_}}; }

 private:
  real server_rate_;
  std::vector<real> control_;
};

}  // namespace

std::unique_ptr<Algorithm> make_scaffold(const Config& config, std::size_t size) {
  return std::make_unique<Scaffold>(option(config, "server-lr"), size);
}

}  // namespace fl
