#include "nn/optimizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

#include "nn/error.h"

namespace nn {

void sgd_step(std::span<real> values, std::span<const real> gradients, double learning_rate) {
  require(values.size() == gradients.size(), "sgd: ", values.size(), " weights, ", gradients.size(),
          " gradients");
  const real rate = static_cast<real>(learning_rate);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= rate * gradients[i];
}

void Sgd::step(std::span<real> values, std::span<const real> gradients) {
  if (options_.momentum == 0 && options_.weight_decay == 0)
    return sgd_step(values, gradients, learning_rate());
  require(values.size() == gradients.size(), "sgd: ", values.size(), " weights, ", gradients.size(),
          " gradients");
  const real rate = static_cast<real>(learning_rate());
  const real momentum = static_cast<real>(options_.momentum);
  const real decay = static_cast<real>(options_.weight_decay);
  velocity_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const real gradient = gradients[i] + decay * values[i];
    velocity_[i] = momentum * velocity_[i] + gradient;
    values[i] -= rate * (options_.nesterov ? gradient + momentum * velocity_[i] : velocity_[i]);
  }
}

void Adam::step(std::span<real> values, std::span<const real> gradients) {
  require(values.size() == gradients.size(), "adam: ", values.size(), " weights, ",
          gradients.size(), " gradients");
  mean_.resize(values.size());
  square_.resize(values.size());
  ++steps_;
  // Subtracted in double: in float 1 - 0.999 is off by 1e-5.
  const real new_mean = static_cast<real>(1 - options_.beta1);
  const real new_square = static_cast<real>(1 - options_.beta2);
  const real beta2 = static_cast<real>(options_.beta2);
  const real epsilon = static_cast<real>(options_.epsilon);
  const real step_size =
      static_cast<real>(learning_rate() / (1 - std::pow(options_.beta1, steps_)));
  const real correction = static_cast<real>(std::sqrt(1 - std::pow(options_.beta2, steps_)));
  const double decay = options_.weight_decay;
  const real kept =
      static_cast<real>(options_.is_decay_decoupled ? 1 - learning_rate() * decay : 1);
  const real coupled = static_cast<real>(options_.is_decay_decoupled ? 0 : decay);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const real gradient = gradients[i] + coupled * values[i];
    mean_[i] += (gradient - mean_[i]) * new_mean;
    square_[i] = beta2 * square_[i] + new_square * gradient * gradient;
    const real deviation = std::sqrt(square_[i]) / correction + epsilon;
    values[i] = kept * values[i] - step_size * mean_[i] / deviation;
  }
}

Adam::Moments Adam::moments(std::size_t size) {
  mean_.resize(size);
  square_.resize(size);
  return {mean_, square_, steps_};
}

bool all_finite(std::span<const real> values) {
  using Bits = std::conditional_t<sizeof(real) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<real>::infinity());
  Bits is_any_full = 0;
  for (real value : values)
    is_any_full |= (std::bit_cast<Bits>(value) & exponent) == exponent ? 1 : 0;
  return is_any_full == 0;
}

double clip_gradients(std::span<real> gradients, double max_norm) {
  double squares = 0;
  for (real gradient : gradients) squares += static_cast<double>(gradient) * gradient;
  const double norm = std::sqrt(squares);
  const double scale = max_norm / (norm + 1e-6);
  if (scale < 1)
    for (real& gradient : gradients) gradient *= static_cast<real>(scale);
  return norm;
}

LearningRate constant_rate(double rate) {
  return [rate](int) { return rate; };
}

LearningRate warmup_cosine_rate(double rate, int warmup, int steps, double lowest) {
  require(warmup >= 0 && steps > warmup, "learning rate: ", warmup, " warm-up steps of ", steps);
  return [=](int step) {
    if (step < warmup) return rate * (step + 1) / warmup;
    const double progress = std::min(1.0, static_cast<double>(step - warmup) / (steps - warmup));
    return lowest + (rate - lowest) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  };
}

}  // namespace nn
