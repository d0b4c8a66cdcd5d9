#include "nn/gradient_norm.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <vector>

#include "nn/tensor.h"

namespace nn {

namespace {

// Several sums side by side, so that an addition need not wait for the one before.
double sum_of_part(std::span<const real> values) {
  constexpr std::size_t lanes = 16;
  std::array<double, lanes> sums{};
  std::size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const double value = values[i + lane];
      sums[lane] += value * value;
    }
  for (std::size_t lane = 0; i < values.size(); ++i, ++lane) {
    const double value = values[i];
    sums[lane] += value * value;
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace

double sum_of_squares(std::span<const real> values, Team& team) {
  constexpr index size_of_part = 65536;
  const index size = static_cast<index>(values.size());
  std::vector<double> sums((size + size_of_part - 1) / size_of_part);
  team.each(static_cast<index>(sums.size()), [&](index part) {
    const index begin = part * size_of_part;
    sums[part] = sum_of_part(values.subspan(begin, std::min(size_of_part, size - begin)));
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

double clip_factor(double norm, double largest) { return std::min(1.0, largest / (norm + 1e-6)); }

void scale(std::span<real> values, double factor, Team& team) {
  const real by = static_cast<real>(factor);
  team.split(static_cast<index>(values.size()), 16384, [=](index begin, index end) {
    for (index i = begin; i < end; ++i) values[i] *= by;
  });
}

}  // namespace nn
