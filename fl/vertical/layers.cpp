#include "fl/vertical/layers.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "nn/base/error.h"
#include "nn/kernels/ordered_products.h"
#include "nn/real.h"

namespace fl::vertical {

namespace {

using nn::real;

// SLEEF's expf within 1 unit in the last place, without its special cases: x is in [-87, 0].
real exponential(real x) {
  if constexpr (sizeof(real) == sizeof(double)) return std::exp(x);
  constexpr real ln2_high = 0.693145751953125f, ln2_low = 1.428606765330187045e-06f;
  const real n = std::rint(x * std::numbers::log2e_v<real>);
  const real r = std::fma(n, -ln2_low, std::fma(n, -ln2_high, x));
  real p = 0.000198527617612853646278381f;
  for (const real next : {0.00139304355252534151077271f, 0.00833336077630519866943359f,
                          0.0416664853692054748535156f, 0.166666671633720397949219f, 0.5f})
    p = std::fma(p, r, next);
  return std::ldexp(1 + std::fma(r * r, p, r), static_cast<int>(n));
}

// SLEEF's logf within 1 unit in the last place, with double in place of its pairs of floats.
real logarithm(real x) {
  if constexpr (sizeof(real) == sizeof(double)) return std::log(x);
  const int exponent = std::ilogb(x * (1 / real(0.75)));
  const real m = std::ldexp(x, -exponent), t = (m - 1) * (1 / (m + 1)), square = t * t;
  const real p = std::fma(std::fma(real(0.3027294874f), square, real(0.3996108174f)), square,
                          real(0.6666694880f));
  const double quotient = (double{m} - 1) / (double{m} + 1);
  return static_cast<real>(exponent * std::numbers::ln2 + 2 * quotient + square * t * p);
}

// 1 / sqrt(in), in torch.nn's words: a shorter expression can round to another float.
double weight_bound(nn::index in) {
  const double gain = std::sqrt(2 / (1 + std::pow(std::sqrt(5.0), 2)));
  return std::sqrt(3.0) * (gain / std::sqrt(static_cast<double>(in)));
}

// The logarithm of the sum of the exponentials of x - largest.
real log_sum(const real* x, nn::index size, real largest) {
  real sum = 0;
  for (nn::index i = 0; i < size; ++i) sum += exponential(x[i] - largest);
  return logarithm(sum);
}

}  // namespace

Linear::Linear(const nn::Scope& scope, nn::index in, nn::index out)
    : weight_(scope.uniform("weight", {out, in}, weight_bound(in))),
      bias_(scope.uniform("bias", {out}, 1 / std::sqrt(static_cast<double>(in)))) {}

nn::Var Linear::operator()(nn::Var x) const {
  const nn::Var weight = x.tape().parameter(weight_), bias = x.tape().parameter(bias_);
  const nn::index in = weight.shape()[1], out = weight.shape()[0];
  nn::require(x.shape().rank() == 2 && x.shape()[1] == in, "linear: input ", x.shape(),
              " does not fit weight ", weight.shape());
  nn::Var y = x.tape().result("linear", {x.shape()[0], out}, x, weight, bias);
  nn::kernels::ordered_forward(x.value(), weight.value(), bias.value(), x.tape().writable(y));
  y.backward_to(x, nn::reads(weight), [](nn::ConstView dy, nn::View dx, nn::ConstView weight) {
    nn::kernels::ordered_input_gradient(dy, weight, dx);
  });
  y.backward_to(weight, nn::reads(x), [](nn::ConstView dy, nn::View dweight, nn::ConstView x) {
    nn::kernels::ordered_weight_gradient(dy, x, dweight);
  });
  y.backward_to(bias, [](nn::ConstView dy, nn::View dbias) {
    nn::kernels::ordered_bias_gradient(dy, dbias);
  });
  return y;
}

nn::Var cross_entropy(nn::Var scores, std::span<const int> labels) {
  const nn::index n = scores.shape()[0], classes = scores.shape()[1];
  nn::require(n == std::ssize(labels), "cross-entropy: ", labels.size(), " labels for ", n,
              " rows");
  nn::Tape& tape = scores.tape();
  real* const logs = tape.arena().allocate_array<real>(n * classes).data();
  real sum = 0;
  for (nn::index i = 0; i < n; ++i) {
    const real* row = scores.value().data + i * classes;
    const real largest = *std::max_element(row, row + classes);
    const real log = log_sum(row, classes, largest);
    for (nn::index j = 0; j < classes; ++j) logs[i * classes + j] = (row[j] - largest) - log;
    sum -= logs[i * classes + labels[i]];
  }
  nn::Var loss = tape.result("cross_entropy", {1}, scores);
  tape.writable(loss).data[0] = sum / static_cast<real>(n);
  const std::span<const int> kept = tape.keep(labels);
  loss.backward_to(scores, [=](nn::ConstView dloss, nn::View dscores) {
    const real share = dloss.data[0] / static_cast<real>(n);
    for (nn::index i = 0; i < n; ++i)
      for (nn::index j = 0; j < classes; ++j) {
        const nn::index at = i * classes + j;
        const real wanted = j == kept[i] ? -share : 0;
        dscores.data[at] += std::fma(exponential(logs[at]), share, wanted);
      }
  });
  return loss;
}

}  // namespace fl::vertical
