#include "tools/training/losses.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <sstream>

#include "nn/base/error.h"
#include "nn/base/file.h"

namespace training {

namespace {

using Row = std::array<double, 5>;  // the norm last, if there is one

Row parse_row(std::string_view line, std::size_t columns) {
  Row row{};
  const char *at = line.data(), *const end = at + line.size();
  for (std::size_t i = 0; i < columns; ++i) {
    nn::require(i == 0 || (at != end && *at == ','), "a comma is missing");
    if (i > 0) ++at;
    const auto [rest, error] = std::from_chars(at, end, row[i]);
    nn::require(error == std::errc(), "a number is missing");
    at = rest;
  }
  nn::require(at == end, "there are more than ", columns, " numbers");
  return row;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

Losses read_losses(const std::filesystem::path& file) {
  return parse_losses(nn::read_file(file), file.string());
}

Losses parse_losses(const std::string& text, const std::string& name) {
  std::istringstream csv(text);
  Losses losses;
  std::string line;
  int number = 1;
  try {
    std::getline(csv, line);
    const bool has_norms = line == header_with_norms;
    nn::require(has_norms || line == losses_header, "this is not the header of a loss.csv");
    while (std::getline(csv, line)) {
      ++number;
      const auto [step, loss, seconds, rate, norm] = parse_row(line, has_norms ? 5 : 4);
      nn::require(losses.steps.empty() || step > losses.steps.back(), "steps do not ascend");
      losses.steps.push_back(step);
      losses.values.push_back(loss);
      losses.tokens_per_second = rate;
    }
    nn::require(!losses.steps.empty(), "there is no step");
  } catch (const nn::Error& error) {
    throw nn::InputError(nn::concat(name, ", line ", number, ": ", error.what()),
                         nn::concat("a run writes ", losses_header, ", then a row for each step"));
  }
  return losses;
}

double largest_difference(const Losses& a, const Losses& b) {
  double largest = std::numeric_limits<double>::quiet_NaN();
  bool is_first = true;
  for (std::size_t i = 0, j = 0; i < a.steps.size() && j < b.steps.size();) {
    if (a.steps[i] != b.steps[j]) {
      a.steps[i] < b.steps[j] ? ++i : ++j;
      continue;
    }
    const double difference = std::abs(a.values[i++] - b.values[j++]);
    if (is_first || std::isnan(difference) || difference > largest) largest = difference;
    is_first = false;
  }
  return largest;
}

Losses mean_of_every(const Losses& losses, int count) {
  Losses means{{}, {}, losses.tokens_per_second};
  const std::size_t size = losses.steps.size(), most = count;
  for (std::size_t first = 0; first < size; first += most) {
    const std::size_t length = std::min(most, size - first);
    means.steps.push_back(mean(std::span(losses.steps).subspan(first, length)));
    means.values.push_back(mean(std::span(losses.values).subspan(first, length)));
  }
  return means;
}

}  // namespace training
