#include "fl/defences/vectors.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fl {

static double root(double sum_of_squares) {
  return std::min(std::sqrt(sum_of_squares), std::numeric_limits<double>::max());
}

double norm(std::span<const nn::real> a) {
  double sum = 0;
  for (const double value : a) sum += value * value;
  return root(sum);
}

double distance(std::span<const nn::real> a, std::span<const nn::real> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += difference * difference;
  }
  return root(sum);
}

void weighted_sum(const UpdateMatrix& updates, std::span<const double> weights,
                  std::span<nn::real> result) {
  std::ranges::fill(result, nn::real(0));
  for (int i = 0; i < updates.count(); ++i) {
    const auto weight = static_cast<nn::real>(weights[i]);
    const std::span<const nn::real> row = updates.row(i);
    for (std::size_t j = 0; j < result.size(); ++j) result[j] += weight * row[j];
  }
}

}  // namespace fl
