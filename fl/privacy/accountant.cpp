#include "fl/privacy/accountant.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "nn/base/error.h"

namespace fl {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// 1.1 to 10.9 in tenths, 11 to 63, and a few large ones.
std::vector<double> orders() {
  std::vector<double> orders;
  for (int tenths = 11; tenths < 110; ++tenths) orders.push_back(tenths / 10.0);
  for (int order = 11; order < 64; ++order) orders.push_back(order);
  for (double order : {128, 256, 512, 1024}) orders.push_back(order);
  return orders;
}

double log_add(double x, double y) {
  const double larger = std::max(x, y);
  return larger == -infinity ? larger : larger + std::log1p(std::exp(std::min(x, y) - larger));
}

// Of the magnitude of the binomial coefficient, which may have a fractional n.
double log_binomial(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

// Where erfc underflows, by its series at infinity.
double log_erfc(double x) {
  if (x < 25) return std::log(std::erfc(x));
  const double s = 1 / (x * x);
  return -x * x - std::log(x * std::sqrt(std::numbers::pi)) - s / 2 + 5 * s * s / 8;
}

// log A of a whole order: the binomial sum of Mironov et al. 2019, section 3.3.
double log_a_whole(double q, double noise, double order) {
  double sum = -infinity;
  for (double i = 0; i <= order; ++i)
    sum = log_add(sum, log_binomial(order, i) + i * std::log(q) + (order - i) * std::log1p(-q) +
                           (i * i - i) / (2 * noise * noise));
  return sum;
}

// The same for a fractional order: two series, for the integrals below and above z0. Infinity, so
// that the order is not used, if they do not converge.
double log_a_fractional(double q, double noise, double order) {
  const double z0 = noise * noise * std::log(1 / q - 1) + 0.5;
  const double width = std::numbers::sqrt2 * noise;
  double sum = -infinity, last_below = -infinity, last_above = -infinity;
  for (double i = 0; i < 1000; ++i) {
    const double j = order - i, coefficient = log_binomial(order, i) - std::numbers::ln2;
    const double below = coefficient + i * std::log(q) + j * std::log1p(-q) +
                         (i * i - i) / (2 * noise * noise) + log_erfc((i - z0) / width);
    const double above = coefficient + j * std::log(q) + i * std::log1p(-q) +
                         (j * j - j) / (2 * noise * noise) + log_erfc((z0 - j) / width);
    sum = log_add(sum, log_add(below, above));
    if (below < last_below && above < last_above && std::max(below, above) < sum - 30) return sum;
    last_below = below, last_above = above;
  }
  return infinity;
}

// The Renyi divergence of one round.
double divergence(double q, double noise, double order) {
  if (noise == 0) return infinity;
  if (q == 1) return order / (2 * noise * noise);
  const bool is_whole = order == std::floor(order);
  return (is_whole ? log_a_whole : log_a_fractional)(q, noise, order) / (order - 1);
}

}  // namespace

double epsilon(double q, double noise, int rounds, double delta) {
  nn::require(q > 0 && q <= 1 && noise >= 0 && rounds >= 0 && delta > 0 && delta < 1,
              "epsilon: q = ", q, ", noise ", noise, ", ", rounds, " rounds, delta = ", delta);
  if (rounds == 0) return 0;
  double smallest = infinity;
  for (double order : orders()) {
    const double total = rounds * divergence(q, noise, order);
    // A divergence this small is privacy with epsilon 0: delta <= sqrt(1 - exp(-total)).
    if (delta * delta + std::expm1(-total) > 0) return 0;
    smallest =
        std::min(smallest, total + std::log1p(-1 / order) - std::log(delta * order) / (order - 1));
  }
  return std::max(0.0, smallest);
}

}  // namespace fl
