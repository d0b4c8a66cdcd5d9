#include "fl/vertical/adamw.h"

#include <cmath>
#include <cstddef>

#include "nn/base/error.h"
#include "nn/kernels/ordered_products.h"

namespace fl::vertical {

namespace {

using nn::real, nn::kernels::rounded_product;

constexpr double beta1 = 0.9, beta2 = 0.999, decay = 0.01;
constexpr real epsilon = 1e-8;

}  // namespace

void AdamW::step(std::span<real> values, std::span<const real> gradients) {
  nn::require(values.size() == gradients.size(), "adamw: ", values.size(), " weights, ",
              gradients.size(), " gradients");
  mean_.resize(values.size());
  square_.resize(values.size());
  ++steps_;
  const auto new_mean = static_cast<real>(1 - beta1), new_square = static_cast<real>(1 - beta2);
  const auto old_square = static_cast<real>(beta2);
  const auto kept = static_cast<real>(1 - learning_rate_ * decay);
  const auto step_size = static_cast<real>(learning_rate_ / (1 - std::pow(beta1, steps_)));
  const auto correction = static_cast<real>(std::sqrt(1 - std::pow(beta2, steps_)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const real gradient = gradients[i];
    mean_[i] = std::fma(new_mean, gradient - mean_[i], mean_[i]);
    square_[i] = std::fma(new_square * gradient, gradient, rounded_product(old_square, square_[i]));
    const real root = std::sqrt(square_[i]) / correction + epsilon;
    values[i] = rounded_product(kept, values[i]) - step_size * mean_[i] / root;
  }
}

}  // namespace fl::vertical
