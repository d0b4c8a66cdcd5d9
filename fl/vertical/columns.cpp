#include "fl/vertical/columns.h"

#include <algorithm>
#include <iterator>

#include "nn/base/error.h"
#include "nn/real.h"

namespace fl::vertical {

namespace {

void require_enough(std::size_t features, int clients) {
  if (clients < 1 || clients > static_cast<int>(features))
    throw nn::InputError(
        nn::concat(features, " features cannot be dealt out to ", clients, " clients"),
        "each client needs one or more");
}

std::vector<std::size_t> places_of(const data::Table& table,
                                   std::span<const std::string> features) {
  std::vector<std::size_t> places;
  for (const std::string& feature : features)
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      if (table.columns[i].source == feature) places.push_back(i);
  return places;
}

}  // namespace

Shares deal_in_order(const std::vector<std::string>& features, int clients) {
  require_enough(features.size(), clients);
  const std::size_t least = features.size() / clients, larger = features.size() % clients;
  Shares shares;
  auto next = features.begin();
  for (int client = 0; client < clients; ++client) {
    const std::size_t count = least + (clients - client <= static_cast<int>(larger) ? 1 : 0);
    shares.emplace_back(next, next + static_cast<std::ptrdiff_t>(count));
    next += static_cast<std::ptrdiff_t>(count);
  }
  return shares;
}

Shares deal_evenly(const data::Table& table, int clients) {
  require_enough(table.features.size(), clients);
  std::vector<std::string> features = table.features;
  std::ranges::stable_sort(features, std::ranges::greater{}, [&](const std::string& feature) {
    return count_columns(table, {&feature, 1});
  });
  Shares shares(clients);
  for (const std::string& feature : features)
    std::ranges::min_element(shares, {}, [&](const auto& mine) {
      return count_columns(table, mine);
    })->push_back(feature);
  return shares;
}

nn::Tensor columns_of(const data::Table& table, std::span<const std::string> features) {
  const std::vector<std::size_t> places = places_of(table, features);
  nn::Tensor columns({table.rows(), std::ssize(places)});
  nn::real* out = columns.span().data();
  for (int row = 0; row < table.rows(); ++row)
    for (const std::size_t place : places) *out++ = static_cast<nn::real>(table.row(row)[place]);
  return columns;
}

nn::index count_columns(const data::Table& table, std::span<const std::string> features) {
  return std::ssize(places_of(table, features));
}

}  // namespace fl::vertical
