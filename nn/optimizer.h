#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "nn/real.h"
#include "nn/team.h"

namespace nn {

// Moves the weights against their gradient. Defaults, order of operations and results match
// torch.optim. An optimizer serves a single array of weights, because its state has their size.
class Optimizer {
 public:
  explicit Optimizer(double learning_rate) : learning_rate_(learning_rate) {}
  virtual ~Optimizer() = default;

  // The threads of the team share the work. The bits are the same for any number of threads.
  virtual void step(std::span<real> values, std::span<const real> gradients, Team& team) = 0;
  void step(std::span<real> values, std::span<const real> gradients);

  // The state between steps for `size` weights, under torch.optim's names; zeros before the first
  // step. A checkpoint saves it and restores it in place.
  struct State {
    struct Array {
      const char* name;
      std::span<real> values;  // one per weight
    };
    std::vector<Array> arrays;
    int& steps;
  };
  virtual State state(std::size_t size) = 0;

  void set_learning_rate(double learning_rate) { learning_rate_ = learning_rate; }
  double learning_rate() const { return learning_rate_; }

 protected:
  int steps_ = 0;

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
  using Optimizer::step;
  void step(std::span<real> values, std::span<const real> gradients, Team& team) override;
  State state(std::size_t size) override;  // momentum_buffer, with momentum only

 private:
  SgdOptions options_;
  std::vector<real> velocity_;
};

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool is_decay_decoupled = false;  // AdamW: the decay bypasses the moments
};

// Kingma and Ba 2015, algorithm 1. With decoupled decay, Loshchilov and Hutter 2019, algorithm 2.
class Adam : public Optimizer {
 public:
  explicit Adam(double learning_rate, AdamOptions options = {})
      : Optimizer(learning_rate), options_(options) {}
  using Optimizer::step;
  void step(std::span<real> values, std::span<const real> gradients, Team& team) override;
  State state(std::size_t size) override;  // exp_avg and exp_avg_sq

 private:
  AdamOptions options_;
  std::vector<real> mean_, square_;
};

// values -= learning_rate gradients: plain SGD, without state.
void sgd_step(std::span<real> values, std::span<const real> gradients, double learning_rate);

// Whether none of the values is NaN or infinite.
bool all_finite(std::span<const real> values);
bool all_finite(std::span<const real> values, Team& team);

// Scales the gradients down to a norm of at most max_norm and returns the norm they had
// (torch.nn.utils.clip_grad_norm_, Pascanu et al. 2013).
double clip_gradients(std::span<real> gradients, double max_norm);

// The learning rate at a step, counted from 0.
using LearningRate = std::function<double(int step)>;
LearningRate constant_rate(double rate);
// Rises linearly over `warmup` steps, then falls along half a cosine to `lowest` at step `steps`
// (Loshchilov and Hutter 2017).
LearningRate warmup_cosine_rate(double rate, int warmup, int steps, double lowest = 0);

}  // namespace nn
