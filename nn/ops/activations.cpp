#include <cmath>
#include <numbers>

#include "nn/kernels/vector_math.h"
#include "nn/ops.h"

namespace nn {

namespace {

// Fewer elements are not worth waking a thread for.
constexpr index elements_of_a_thread = 4096;

// y = f(x), dx += dy slope(x, y)
template <class Function, class Slope>
Var map(const char* op, Var x, Function f, Slope slope) {
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result(op, x.shape(), x);
  const real* in = x.value().data;
  real* out = tape.writable(y).data;
  team.split(x.value().size(), elements_of_a_thread, [=](index begin, index end) {
    for (index i = begin; i < end; ++i) out[i] = f(in[i]);
  });
  y.backward_to(x, reads(x, y), [=, &team](ConstView dy, View dx, ConstView x, ConstView y) {
    team.split(dx.size(), elements_of_a_thread, [=](index begin, index end) {
      for (index i = begin; i < end; ++i) dx.data[i] += dy.data[i] * slope(x.data[i], y.data[i]);
    });
  });
  return y;
}

real logistic(real x) { return 1 / (1 + kernels::exponential(-x)); }

}  // namespace

// The gradient at 0 is that of the negative side, as in PyTorch.
Var leaky_relu(Var x, real negative_slope) {
  return map(
      "leaky_relu", x, [=](real x) { return x > 0 ? x : x * negative_slope; },
      [=](real x, real) { return x > 0 ? real(1) : negative_slope; });
}

Var tanh(Var x) {
  return map(
      "tanh", x, [](real x) { return std::tanh(x); }, [](real, real y) { return 1 - y * y; });
}

Var sigmoid(Var x) {
  return map(
      "sigmoid", x, [](real x) { return logistic(x); }, [](real, real y) { return y * (1 - y); });
}

// y = x (1 + tanh(u)) / 2 = x logistic(2 u), with 2 u = x (a + b x^2)
Var gelu_tanh(Var x) {
  constexpr double root = 1 / (std::numbers::sqrt2 * std::numbers::inv_sqrtpi);  // sqrt(pi / 2)
  constexpr real a = static_cast<real>(2 / root), b = static_cast<real>(2 * 0.044715 / root);
  return map(
      "gelu_tanh", x, [](real x) { return x * logistic(x * (a + b * x * x)); },
      [](real x, real) {
        const real share = logistic(x * (a + b * x * x));
        return share + x * share * (1 - share) * (a + 3 * b * x * x);
      });
}

}  // namespace nn
