#include "fl/vertical/adamw.h"

#ifdef __SSE__
#include <immintrin.h>
#endif

#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "nn/base/error.h"

namespace fl::vertical {

namespace {

using nn::real;

constexpr double beta1 = 0.9, beta2 = 0.999, decay = 0.01;
constexpr real epsilon = 1e-8;

// Rounded by itself: volatile, because compilers fuse a product with the sum it goes into.
real product(real a, real b) {
  const volatile real rounded = a * b;
  return rounded;
}

// The square root as PyTorch 2.13 has it on an AMD processor: a step of Newton's method from the
// processor's estimate, then a correction, each product rounded. Off by at most 1 in the last
// place.
real square_root(real x) {
#ifdef __SSE__
  if constexpr (std::is_same_v<real, float>) {
    if (x < std::numeric_limits<float>::min()) return std::sqrt(x);
    const real estimate = _mm_cvtss_f32(_mm_rsqrt_ss(_mm_set_ss(x)));
    real root = product(x, estimate), half = real(0.5) * estimate;
    const real error = real(0.5) - product(root, half);
    root += product(root, error);
    half += product(half, error);
    return root + product(x - product(root, root), half);
  }
#endif
  return std::sqrt(x);
}

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
    square_[i] = std::fma(new_square * gradient, gradient, product(old_square, square_[i]));
    const real root = square_root(square_[i]) / correction + epsilon;
    values[i] = product(kept, values[i]) - step_size * mean_[i] / root;
  }
}

}  // namespace fl::vertical
