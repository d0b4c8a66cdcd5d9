#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "fl/defences/aggregation.h"
#include "fl/defences/defences.h"
#include "fl/defences/nearest.h"
#include "nn/base/error.h"
#include "nn/optimizer.h"
#include "tests/fl/updates.h"
#include "tests/toy_rounds.h"

namespace {

using nn::real;
using toy::largest_difference;
using updates::aggregate, updates::Outcome, updates::random_rows, updates::Rows, updates::small,
    updates::config_with, updates::suited;

}  // namespace

TEST_CASE("the first of equals counts, and a tie of signs gives 0") {
  const Rows same(7, {1, -2, 3});
  CHECK(aggregate("krum", {{"byzantine", 1}}, same).selected == std::vector{10});
  CHECK(aggregate("multi-krum", {{"byzantine", 1}, {"keep", 3}}, same).selected ==
        std::vector{10, 11, 12});
  const Rows pairs{{0, 0}, {0, 4}, {9, 4}, {9, 0}};  // all are 4 from one and 9 from another
  CHECK(aggregate("krum", {{"byzantine", 0}}, pairs).selected == std::vector{10});
  CHECK(aggregate("median", {}, {{1}, {2}, {4}, {8}}).result == std::vector<real>{2});
  CHECK(aggregate("median", {}, {{8}, {2}, {4}}).result == std::vector<real>{4});
  CHECK(aggregate("majority-sign", {}, {{1, 0, 5}, {-3, 0, 3}, {0, 6, -8}}).result ==
        std::vector<real>{0, 2, 8 / real(3)});
  const std::vector<real> half =
      aggregate("sparsefed", {{"top-k", 0.5}, {"clip-ratio", 2}}, {{2, -2, 2, -2}}).result;
  CHECK(half == std::vector<real>{2, -2, 0, 0});
}

TEST_CASE("of equal clients Krum takes the one with the lowest number, wherever it is") {
  const fl::UpdateMatrix same{
      {1, 1, 1, 1, 1, 1, 1}, {9, 4, 7, 2, 8, 5, 6}, {1, 1, 1, 1, 1, 1, 1}, 1};
  CHECK(fl::choose_by_krum(same, 2, 1) == std::vector{1, 3});
  // With n = 4 and f = 0 the third choice has no neighbour left, so both scores are 0.
  const fl::UpdateMatrix apart{{0, 1, 9, 30}, {5, 7, 6, 4}, {1, 1, 1, 1}, 1};
  CHECK(fl::choose_by_krum(apart, 3, 0) == std::vector{0, 1, 3});
}

TEST_CASE("every defence returns a lone update as it is") {
  const Rows one{{1, -2, real(0.5)}};
  for (const fl::DefenceEntry& defence : fl::defence_table()) {
    CAPTURE(defence.name);
    if (defence.is_private) continue;
    const Outcome got =
        aggregate(defence.name, suited(defence, {{"top-k", 1}, {"clip-radius", 10}}), one, {5}, 20);
    CHECK(largest_difference(got.result, one[0]) < 1e-5);
  }
  CHECK(aggregate("bulyan", {}, one, {5}, 20).selected == std::vector{10});
}

TEST_CASE("excluded clients change neither the others' weights nor the result") {
  const Rows rows = random_rows(6, 5);
  const std::vector<int> weights{3, 1, 4, 1, 5, 9};
  for (const fl::DefenceEntry& defence : fl::defence_table()) {
    CAPTURE(defence.name);
    const fl::OptionValues options = suited(defence, small);
    const Outcome with = aggregate(defence.name, options, rows, weights, 10),
                  without = aggregate(defence.name, options, rows, weights);
    CHECK(with.selected == without.selected);
    // The shares of the secure mean are rounded to fixed point before it divides by their sum.
    CHECK(largest_difference(with.result, without.result) < (defence.is_private ? 1e-6 : 1e-30));
  }
}

TEST_CASE("with too few updates, Krum and its kin lower --byzantine and then --keep") {
  const Rows rows = random_rows(8, 5);
  CHECK(aggregate("krum", {{"byzantine", 4}}, rows) == aggregate("krum", {{"byzantine", 2}}, rows));
  CHECK(aggregate("multi-krum", {{"byzantine", 4}, {"keep", 7}}, rows) ==
        aggregate("multi-krum", {{"byzantine", 2}, {"keep", 5}}, rows));
  CHECK(aggregate("bulyan", {{"byzantine", 4}, {"keep", 7}, {"trim", 0.5}}, rows).selected.size() ==
        5);
  CHECK(aggregate("multi-krum", {}, {rows[0], rows[1]}).result == rows[0]);
  CHECK(aggregate("trimmed-mean", {{"trim", 0.5}}, {rows[0], rows[1]}) ==
        aggregate("trimmed-mean", {{"trim", 0}}, {rows[0], rows[1]}));
}

TEST_CASE("a huge update causes no NaN and is never chosen") {
  constexpr real huge = std::numeric_limits<real>::max();
  Rows rows = random_rows(11, 6);
  rows[0] = rows[1] = {huge, -huge, huge, huge, -huge, 0};
  rows[2] = {-huge, huge, 0, 0, huge, huge};
  for (const fl::DefenceEntry& defence : fl::defence_table()) {
    CAPTURE(defence.name);
    const Outcome got = aggregate(
        defence.name, suited(defence, {{"byzantine", 3}, {"keep", 5}, {"trim", 0.3}}), rows);
    CHECK(nn::all_finite(got.result));
    for (int client : got.selected) CHECK(client > 12);
  }
}

TEST_CASE("distances are exact where updates differ little, and never NaN") {
  fl::UpdateMatrix updates;
  updates.size = 10'000;
  updates.clients = {0, 1, 2, 3}, updates.weights = {1, 1, 1, 1};
  updates.values.assign(4 * updates.size, 1000);
  for (std::size_t j = 0; j < updates.size; ++j) updates.row(1)[j] += real(0.125);
  std::ranges::fill(updates.row(2), std::numeric_limits<real>::lowest());
  std::ranges::fill(updates.row(3), std::numeric_limits<real>::denorm_min());
  const std::vector<double> distances = fl::squared_distances(updates);
  CHECK(distances[1] == 10'000 * 0.125 * 0.125);
  CHECK(distances[4] == distances[1]);
  CHECK(distances[3] == doctest::Approx(1e10));
  for (int i = 0; i < 4; ++i) CHECK(distances[5 * i] == 0);
  for (int i = 0; i < 4; ++i)
    if (i != 2) CHECK(distances[4 * i + 2] > 1e38);
}

TEST_CASE("centered clipping does not go on from a centre of another size") {
  const fl::Config config = config_with("centered-clip");
  const auto defence = config.defence->make(config);
  aggregate(*defence, random_rows(3, 4));
  CHECK_THROWS_WITH_AS(aggregate(*defence, random_rows(3, 5)),
                       doctest::Contains("a centre of 4 numbers, and updates of 5"), nn::Error);
}
