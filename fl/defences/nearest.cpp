#include "fl/defences/nearest.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>

#include "nn/blas.h"

namespace fl {

namespace {

using nn::real;

// For every row the power of two below its largest number. Rows divided by theirs have products
// that neither overflow nor vanish.
std::vector<real> scales_of(const UpdateMatrix& updates) {
  std::vector<real> scales;
  for (int i = 0; i < updates.count(); ++i) {
    real largest = 0;
    for (real value : updates.row(i)) largest = std::max(largest, std::abs(value));
    scales.push_back(largest == 0 ? 1 : std::ldexp(real(1), std::ilogb(largest)));
  }
  return scales;
}

// The products of all rows, each divided by its scale: [count, count]. Summed in double over parts
// of a fixed size.
std::vector<double> scaled_products(const UpdateMatrix& updates, std::span<const real> scales) {
  constexpr std::size_t part = 4096;
  const int n = updates.count();
  std::vector<real> rows(n * part), products(n * n);
  std::vector<double> sums(n * n);
  for (std::size_t first = 0; first < updates.size; first += part) {
    const std::size_t columns = std::min(part, updates.size - first);
    for (int i = 0; i < n; ++i)
      std::ranges::transform(updates.row(i).subspan(first, columns), rows.begin() + i * columns,
                             [scale = scales[i]](real value) { return value / scale; });
    const auto width = static_cast<nn::index>(columns);
    nn::blas::gemm(nn::blas::Transpose::no, nn::blas::Transpose::yes, n, n, width, 1, rows.data(),
                   width, rows.data(), width, 0, products.data(), n);
    std::ranges::transform(sums, products, sums.begin(), std::plus<double>());
  }
  return sums;
}

// Of two rows divided by a power of two.
double squared_distance(std::span<const real> a, std::span<const real> b, double scale) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = a[i] / scale - b[i] / scale;
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

// |a - b|^2 = aa + bb - 2 ab from one matrix product. Where little of that is left, rounding would
// be most of it, so it is summed from the differences.
std::vector<double> squared_distances(const UpdateMatrix& updates) {
  constexpr double cancelled = 0.01;
  const int n = updates.count();
  const std::vector<real> scales = scales_of(updates);
  const std::vector<double> products = scaled_products(updates, scales);
  std::vector<double> distances(n * n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < i; ++j) {
      const double scale = std::max(scales[i], scales[j]), a = scales[i] / scale,
                   b = scales[j] / scale;
      const double lengths = a * a * products[i * n + i] + b * b * products[j * n + j];
      double squared = lengths - 2 * a * b * products[i * n + j];
      if (squared < cancelled * lengths)
        squared = squared_distance(updates.row(i), updates.row(j), scale);
      distances[i * n + j] = distances[j * n + i] = squared * scale * scale;
    }
  return distances;
}

std::vector<int> choose_by_krum(const UpdateMatrix& updates, int keep, int byzantine) {
  const int n = updates.count();
  byzantine = std::max(0, std::min(byzantine, (n - 3) / 2));
  keep = std::max(1, std::min(keep, n - byzantine - 1));
  const std::vector<double> distances = squared_distances(updates);
  std::vector<std::vector<int>> nearest(n, std::vector<int>(n));
  for (int i = 0; i < n; ++i) {
    std::iota(nearest[i].begin(), nearest[i].end(), 0);
    std::ranges::sort(nearest[i], {}, [&](int j) { return distances[i * n + j]; });
  }

  std::vector<bool> is_left(n, true);
  const auto score = [&](int i, int others) {
    double sum = 0;
    for (int j : nearest[i]) {
      if (others <= 0) break;
      if (j == i || !is_left[j]) continue;
      sum += distances[i * n + j];
      --others;
    }
    return sum;
  };
  std::vector<int> chosen;
  for (int left = n; left > n - keep; --left) {
    int best = -1;
    double lowest = 0;
    for (int i = 0; i < n; ++i) {
      if (!is_left[i]) continue;
      const double sum = score(i, left - byzantine - 2);
      const bool is_better =
          best < 0 || sum < lowest || (sum == lowest && updates.clients[i] < updates.clients[best]);
      if (is_better) best = i, lowest = sum;
    }
    is_left[best] = false;
    chosen.push_back(best);
  }
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace fl
