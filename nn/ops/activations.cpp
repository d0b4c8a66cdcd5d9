#include <cmath>
#include <numbers>

#include "nn/base/error.h"
#include "nn/kernels/vector_math.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// Fewer elements are not worth waking a thread for.
constexpr index elements_of_a_thread = 8192;

enum class SlopeOf { x, y };

// y = f(x), dx += dy slope(x) or dy slope(y)
template <class Function, class Slope>
Var map(const char* op, Var x, Function f, Slope slope, SlopeOf of = SlopeOf::x) {
  Tape& tape = x.tape();
  Team& team = tape.team();
  Var y = tape.result(op, x.shape(), x);
  const real* in = x.value().data;
  real* out = tape.writable(y).data;
  team.split(x.value().size(), elements_of_a_thread, [=](index begin, index end) {
    for (index i = begin; i < end; ++i) out[i] = f(in[i]);
  });
  y.backward_to(x, reads(of == SlopeOf::x ? x : y),
                [=, &team](ConstView dy, View dx, ConstView from) {
                  team.split(dx.size(), elements_of_a_thread, [=](index begin, index end) {
                    for (index i = begin; i < end; ++i)
                      dx.data[i] += dy.data[i] * slope(from.data[i]);
                  });
                });
  return y;
}

real logistic(real x) { return 1 / (1 + kernels::exponential(-x)); }
real silu_slope(real x) { return logistic(x) * (1 + x * (1 - logistic(x))); }

}  // namespace

Var relu(Var x) {
  // This comparison keeps NaN, so that errors stay visible.
  return map(
      "relu", x, [](real x) { return x < 0 ? real(0) : x; },
      [](real x) { return x > 0 ? real(1) : real(0); });
}

Var gelu(Var x) {
  const auto cdf = [](real x) { return (1 + std::erf(x / std::numbers::sqrt2_v<real>)) / 2; };
  return map(
      "gelu", x, [cdf](real x) { return x * cdf(x); },
      [cdf](real x) {
        constexpr real inv_sqrt_2pi =
            std::numbers::inv_sqrtpi_v<real> / std::numbers::sqrt2_v<real>;
        return cdf(x) + x * inv_sqrt_2pi * std::exp(-x * x / 2);
      });
}

Var silu(Var x) {
  return map(
      "silu", x, [](real x) { return x * logistic(x); }, [](real x) { return silu_slope(x); });
}

// y = silu(gate) up
Var swiglu(Var gate, Var up) {
  require(gate.shape() == up.shape(), "swiglu: gate ", gate.shape(), ", up ", up.shape());
  Tape& tape = gate.tape();
  Team& team = tape.team();
  const index size = gate.value().size();
  Var y = tape.result("swiglu", gate.shape(), gate, up);
  const real *g = gate.value().data, *u = up.value().data;
  real* out = tape.writable(y).data;
  team.split(size, elements_of_a_thread, [=](index begin, index end) {
    for (index i = begin; i < end; ++i) out[i] = g[i] * logistic(g[i]) * u[i];
  });
  y.backward_to(gate, reads(gate, up),
                [=, &team](ConstView dy, View dgate, ConstView g, ConstView u) {
                  team.split(size, elements_of_a_thread, [=](index begin, index end) {
                    for (index i = begin; i < end; ++i)
                      dgate.data[i] += dy.data[i] * u.data[i] * silu_slope(g.data[i]);
                  });
                });
  y.backward_to(up, reads(gate), [=, &team](ConstView dy, View dup, ConstView g) {
    team.split(size, elements_of_a_thread, [=](index begin, index end) {
      for (index i = begin; i < end; ++i)
        dup.data[i] += dy.data[i] * g.data[i] * logistic(g.data[i]);
    });
  });
  return y;
}

// The gradient at 0 is that of the negative side, as in PyTorch.
Var leaky_relu(Var x, real negative_slope) {
  return map(
      "leaky_relu", x, [=](real x) { return x > 0 ? x : x * negative_slope; },
      [=](real x) { return x > 0 ? real(1) : negative_slope; });
}

Var tanh(Var x) {
  return map(
      "tanh", x, [](real x) { return std::tanh(x); }, [](real y) { return 1 - y * y; }, SlopeOf::y);
}

Var sigmoid(Var x) {
  return map(
      "sigmoid", x, [](real x) { return logistic(x); }, [](real y) { return y * (1 - y); },
      SlopeOf::y);
}

// y = x (1 + tanh(u)) / 2 = x logistic(2 u), with 2 u = x (a + b x^2)
Var gelu_tanh(Var x) {
  constexpr double root = 1 / (std::numbers::sqrt2 * std::numbers::inv_sqrtpi);  // sqrt(pi / 2)
  constexpr real a = static_cast<real>(2 / root), b = static_cast<real>(2 * 0.044715 / root);
  return map(
      "gelu_tanh", x, [](real x) { return x * logistic(x * (a + b * x * x)); },
      [](real x) {
        const real share = logistic(x * (a + b * x * x));
        return share + x * share * (1 - share) * (a + 3 * b * x * x);
      });
}

}  // namespace nn
