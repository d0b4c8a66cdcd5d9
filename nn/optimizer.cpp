#include "nn/optimizer.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <type_traits>

#include "nn/base/error.h"
#include "nn/gradient_norm.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

void Optimizer::step(std::span<real> values, std::span<const real> gradients) {
  Team alone;
  step(values, gradients, alone);
}

void sgd_step(std::span<real> values, std::span<const real> gradients, double learning_rate) {
  Sgd(learning_rate).step(values, gradients);
}

// Weights per thread. Fewer are not worth waking a thread for.
constexpr index sgd_weights_of_a_thread = 16384;

void Sgd::step(std::span<real> values, std::span<const real> gradients, Team& team) {
  require(values.size() == gradients.size(), "sgd: ", values.size(), " weights, ", gradients.size(),
          " gradients");
  ++steps_;
  const real rate = static_cast<real>(learning_rate());
  const auto split = [&](auto step_range) {
    team.split(static_cast<index>(values.size()), sgd_weights_of_a_thread, step_range);
  };
  if (options_.momentum == 0 && options_.weight_decay == 0)
    return split([=](index begin, index end) {
      for (index i = begin; i < end; ++i) values[i] -= rate * gradients[i];
    });
  const real momentum = static_cast<real>(options_.momentum);
  const real decay = static_cast<real>(options_.weight_decay);
  velocity_.resize(values.size());
  split([=, velocity = velocity_.data(), nesterov = options_.nesterov](index begin, index end) {
    for (index i = begin; i < end; ++i) {
      const real gradient = gradients[i] + decay * values[i];
      velocity[i] = momentum * velocity[i] + gradient;
      values[i] -= rate * (nesterov ? gradient + momentum * velocity[i] : velocity[i]);
    }
  });
}

Optimizer::State Sgd::state(std::size_t size) {
  if (options_.momentum == 0) return {{}, steps_};
  velocity_.resize(size);
  return {{{"momentum_buffer", velocity_}}, steps_};
}

// Blocks of weights that never had a gradient, such as those of a token that has not occurred,
// would take steps of exactly zero and are skipped.
void Adam::step(std::span<real> values, std::span<const real> gradients, Team& team) {
  constexpr index block = 256, part = 64 * block;
  require(values.size() == gradients.size(), "adam: ", values.size(), " weights, ",
          gradients.size(), " gradients");
  const index size = static_cast<index>(values.size());
  mean_.resize(size);
  square_.resize(size);
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
  const bool can_rest = decay == 0 && epsilon > 0;

  const auto step_block = [=, mean = mean_.data(), square = square_.data()](index begin,
                                                                            index end) {
    for (index i = begin; i < end; ++i) {
      const real gradient = gradients[i] + coupled * values[i];
      mean[i] += (gradient - mean[i]) * new_mean;
      square[i] = beta2 * square[i] + new_square * gradient * gradient;
      const real root = std::sqrt(square[i]) / correction + epsilon;
      values[i] = kept * values[i] - step_size * mean[i] / root;
    }
  };
  const auto is_zero = [](std::span<const real> numbers) {
    return std::ranges::all_of(numbers, [](real x) { return x == 0; });
  };
  // More parts than threads: parts at rest take no time.
  team.each((size + part - 1) / part, [&](index i) {
    for (index begin = i * part; begin < std::min(size, (i + 1) * part); begin += block) {
      const std::size_t count = std::min(block, size - begin);
      const auto of = [&](auto& numbers) {
        return std::span<const real>(numbers).subspan(begin, count);
      };
      if (can_rest && is_zero(of(gradients)) && is_zero(of(mean_)) && is_zero(of(square_)))
        continue;
      step_block(begin, begin + static_cast<index>(count));
    }
  });
}

Optimizer::State Adam::state(std::size_t size) {
  mean_.resize(size);
  square_.resize(size);
  return {{{"exp_avg", mean_}, {"exp_avg_sq", square_}}, steps_};
}

bool all_finite(std::span<const real> values) {
  using Bits = std::conditional_t<sizeof(real) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<real>::infinity());
  Bits is_any_full = 0;
  for (real value : values)
    is_any_full |= (std::bit_cast<Bits>(value) & exponent) == exponent ? 1 : 0;
  return is_any_full == 0;
}

bool all_finite(std::span<const real> values, Team& team) {
  std::atomic<bool> finite = true;
  team.split(static_cast<index>(values.size()), 65536, [&](index begin, index end) {
    if (!all_finite(values.subspan(begin, end - begin))) finite = false;
  });
  return finite;
}

double clip_gradients(std::span<real> gradients, double max_norm) {
  Team alone;
  const double norm = std::sqrt(sum_of_squares(gradients, alone));
  const double factor = clip_factor(norm, max_norm);
  if (factor < 1) scale(gradients, factor, alone);
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
