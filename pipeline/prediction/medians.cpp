#include "pipeline/prediction/medians.h"

#include <algorithm>
#include <utility>

namespace pipeline {

namespace {

double median_of(std::vector<double> numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::ranges::nth_element(numbers, middle);
  if (numbers.size() % 2 == 1) return *middle;
  return (*std::max_element(numbers.begin(), middle) + *middle) / 2;
}

}  // namespace

void Medians::add(std::vector<double> row) {
  constexpr std::size_t most = 1000;
  if (rows_.size() < most) return rows_.push_back(std::move(row));
  rows_[oldest_] = std::move(row);
  oldest_ = (oldest_ + 1) % most;
}

std::vector<double> Medians::values() const {
  std::vector<double> medians;
  for (std::size_t column = 0; !rows_.empty() && column < rows_[0].size(); ++column) {
    std::vector<double> numbers;
    for (const std::vector<double>& row : rows_) numbers.push_back(row[column]);
    medians.push_back(median_of(std::move(numbers)));
  }
  return medians;
}

}  // namespace pipeline
