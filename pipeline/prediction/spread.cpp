#include "pipeline/prediction/spread.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pipeline {

namespace {

// The mean of the largest of `count` standard normal numbers: the integral over x > 0 of the
// probability that the largest is above x, minus the probability that it is below -x.
double expected_largest(int count) {
  constexpr double width = 1e-3;
  double sum = 0;
  for (double x = width / 2; x < 8; x += width) {
    const double above = std::erfc(x / std::numbers::sqrt2) / 2;
    sum += width * (1 - std::pow(1 - above, count) - std::pow(above, count));
  }
  return sum;
}

}  // namespace

void Spread::add(double number) {
  if (count_++ > 0) sum_ += std::abs(number - last_);
  last_ = number;
}

double Spread::mean_difference() const { return sum_ / std::max(1, count_ - 1); }

// Two standard normal numbers differ by 2 / sqrt(pi) on average.
double deviation_of(double mean_difference) {
  return mean_difference * std::sqrt(std::numbers::pi) / 2;
}

double expected_excess(int count, double mean_difference) {
  if (count == 1 || mean_difference == 0) return 0;  // without the integral
  return deviation_of(mean_difference) * expected_largest(count);
}

}  // namespace pipeline
