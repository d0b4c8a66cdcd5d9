#include <cmath>
#include <vector>

#include "fl/algorithms/algorithms.h"
#include "fl/algorithms/epoch.h"

// Algorithms whose clients are FedAvg's, and whose server takes the mean change of their weights,
// d = sum over k of n_k / n w_k - w, for the gradient of an optimizer.
namespace fl {

namespace {

using nn::real;

// FedAvgM (Hsu et al. 2019): v <- beta v + d,  w <- w + eta_s v
// or, with Nesterov's momentum,             w <- w + eta_s (d + beta v)
class FedAvgM : public Algorithm {
 public:
  FedAvgM(const Config& config, std::size_t size)
      : rate_(static_cast<real>(option(config, "server-lr"))),
        momentum_(static_cast<real>(option(config, "server-momentum"))),
        is_nesterov_(int_option(config, "nesterov") != 0),
        velocity_(size) {}

  Update train(ClientContext& client) const override {
    train_epochs(client);
    return {client.worker.weights()};
  }

  void apply(ServerContext& server, std::span<const real> mean_weights) override {
    for (std::size_t i = 0; i < velocity_.size(); ++i) {
      real& w = server.weights[i];
      const real d = mean_weights[i] - w;
      velocity_[i] = momentum_ * velocity_[i] + d;
      w += rate_ * (is_nesterov_ ? d + momentum_ * velocity_[i] : velocity_[i]);
    }
  }

  std::vector<NamedState> state() override { return {{"velocity", velocity_}}; }

 private:
  real rate_, momentum_;
  bool is_nesterov_;
  std::vector<real> velocity_;
};

// The second moments of Reddi et al. 2021, algorithm 2, from d^2 = `square`.
struct AdamMoment {
  explicit AdamMoment(const Config& config)
      : beta2(static_cast<real>(option(config, "beta2"))),
        new_share(static_cast<real>(1 - option(config, "beta2"))) {}
  real operator()(real v, real square) const { return beta2 * v + new_share * square; }
  real beta2, new_share;
};
struct YogiMoment {
  explicit YogiMoment(const Config& config)
      : new_share(static_cast<real>(1 - option(config, "beta2"))) {}
  real operator()(real v, real square) const {
    const real sign = v > square ? 1 : v < square ? -1 : 0;
    return v - new_share * square * sign;
  }
  real new_share;
};
struct AdagradMoment {
  explicit AdagradMoment(const Config&) {}
  real operator()(real v, real square) const { return v + square; }
};

// FedAdam, FedYogi and FedAdagrad (Reddi et al. 2021, algorithm 2; moments from 0, no correction):
//   m <- beta_1 m + (1 - beta_1) d,  v <- second_moment(v, d^2),  w <- w + eta_s m / (sqrt(v) +
//   tau)
template <class SecondMoment>
class FedOpt : public Algorithm {
 public:
  FedOpt(const Config& config, std::size_t size)
      : rate_(static_cast<real>(option(config, "server-lr"))),
        beta1_(static_cast<real>(option(config, "beta1"))),
        new_share_(static_cast<real>(1 - option(config, "beta1"))),
        tau_(static_cast<real>(option(config, "tau"))),
        second_moment_(config),
        m_(size),
        v_(size) {}

  Update train(ClientContext& client) const override {
    train_epochs(client);
    return {client.worker.weights()};
  }

  void apply(ServerContext& server, std::span<const real> mean_weights) override {
    for (std::size_t i = 0; i < m_.size(); ++i) {
      const real d = mean_weights[i] - server.weights[i];
      m_[i] = beta1_ * m_[i] + new_share_ * d;
      v_[i] = second_moment_(v_[i], d * d);
      server.weights[i] += rate_ * m_[i] / (std::sqrt(v_[i]) + tau_);
    }
  }

  std::vector<NamedState> state() override { return {{"m", m_}, {"v", v_}}; }

 private:
  real rate_, beta1_, new_share_, tau_;
  SecondMoment second_moment_;
  std::vector<real> m_, v_;
};

}  // namespace

std::unique_ptr<Algorithm> make_fedavgm(const Config& config, std::size_t size) {
  return std::make_unique<FedAvgM>(config, size);
}

std::unique_ptr<Algorithm> make_fedadam(const Config& config, std::size_t size) {
  return std::make_unique<FedOpt<AdamMoment>>(config, size);
}

std::unique_ptr<Algorithm> make_fedyogi(const Config& config, std::size_t size) {
  return std::make_unique<FedOpt<YogiMoment>>(config, size);
}

std::unique_ptr<Algorithm> make_fedadagrad(const Config& config, std::size_t size) {
  return std::make_unique<FedOpt<AdagradMoment>>(config, size);
}

}  // namespace fl
