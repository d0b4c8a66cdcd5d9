#pragma once

#include <functional>
#include <span>
#include <vector>

#include "nn/real.h"
#include "nn/team.h"

namespace nn {

// Moves the weights against their gradient. Defaults, order of operations and results are those of
// torch.optim. One optimizer serves one array of weights: its state has their size.
class Optimizer {
 public:
  explicit Optimizer(double learning_rate) : learning_rate_(learning_rate) {}
  virtual ~Optimizer() = default;
  virtual void step(std::span<real> values, std::span<const real> gradients) = 0;

  void set_learning_rate(double learning_rate) { learning_rate_ = learning_rate; }
  double learning_rate() const { return learning_rate_; }

 private:
  double learning_rate_;
};

struct SgdOptions {
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;  // Sutskever et al. 2013
};

class Sgd : public Optimizer {
 public:
  explicit Sgd(double learning_rate, SgdOptions options = {})
      : Optimizer(learning_rate), options_(options) {}
  void step(std::span<real> values, std::span<const real> gradients) override;

 private:
  SgdOptions options_;
  std::vector<real> velocity_;
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool is_decay_decoupled = false;  // AdamW: the decay does not pass through the moments
};

// Kingma and Ba 2015, algorithm 1; with decoupled decay Loshchilov and Hutter 2019, algorithm 2.
class Adam : public Optimizer {
 public:
  explicit Adam(double learning_rate, AdamOptions options = {})
      : Optimizer(learning_rate), options_(options) {}
  void step(std::span<real> values, std::span<const real> gradients) override;
  // The same by the threads of a team, with the same bits.
  void step(std::span<real> values, std::span<const real> gradients, Team& team);

  // What it keeps between steps, of `size` weights; zeros before the first. A checkpoint saves it.
  struct Moments {
    std::span<real> mean, square;
    int& steps;
  };
  Moments moments(std::size_t size);

 private:
  AdamOptions options_;
  std::vector<real> mean_, square_;
  int steps_ = 0;
};

// values -= learning_rate gradients: plain SGD, which has no state.
void sgd_step(std::span<real> values, std::span<const real> gradients, double learning_rate);

// Neither NaN nor infinity is among them.
bool all_finite(std::span<const real> values);

// Scales the gradients so that their norm is at most max_norm; returns the norm they had
// (torch.nn.utils.clip_grad_norm_, Pascanu et al. 2013).
double clip_gradients(std::span<real> gradients, double max_norm);

// The learning rate of a step, counted from 0.
using LearningRate = std::function<double(int step)>;
LearningRate constant_rate(double rate);
// Rises linearly over `warmup` steps, then falls along half a cosine to `lowest` at step `steps`
// (Loshchilov and Hutter 2017).
LearningRate warmup_cosine_rate(double rate, int warmup, int steps, double lowest = 0);

}  // namespace nn
