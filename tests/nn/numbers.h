#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/random.h"
#include "nn/tensor.h"

namespace tests {

inline std::vector<nn::real> numbers(nn::ConstView view) { return {view.begin(), view.end()}; }

inline std::vector<nn::real> random_values(nn::index count, std::uint64_t seed) {
  std::vector<nn::real> values(count);
  nn::Generator(seed).uniform(values, -1, 1);
  return values;
}

// Infinite if any is not a number.
inline double largest_difference(std::span<const nn::real> a, std::span<const nn::real> b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    largest = std::isnan(difference) ? INFINITY : std::max(largest, difference);
  }
  return largest;
}

}  // namespace tests
