#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "fl/partition.h"
#include "fl/server.h"
#include "nn/base/error.h"
#include "nn/numpy.h"

namespace {

std::vector<std::uint8_t> labels_of(int count) {
  std::vector<std::uint8_t> labels(count);
  for (int i = 0; i < count; ++i) labels[i] = static_cast<std::uint8_t>((7 * i + i / 13) % 10);
  return labels;
}

bool deals_out_everything_once(const std::vector<std::vector<int>>& clients, int count) {
  std::vector<int> all;
  for (const auto& samples : clients) all.insert(all.end(), samples.begin(), samples.end());
  std::ranges::sort(all);
  std::vector<int> expected(count);
  std::iota(expected.begin(), expected.end(), 0);
  return all == expected;
}

}  // namespace

TEST_CASE("every split deals out every sample to exactly one client") {
  const auto labels = labels_of(1003);
  for (fl::Split split : {fl::Split::iid, fl::Split::shards, fl::Split::dirichlet})
    for (int clients : {1, 2, 7, 100, 500})
      for (double alpha : {0.01, 0.5, 100.0}) {
        const auto result =
            fl::split_samples(labels, clients, {.split = split, .alpha = alpha}, 10);
        CHECK(static_cast<int>(result.size()) == clients);
        CHECK(deals_out_everything_once(result, 1003));
      }
}

TEST_CASE("the IID split of seed 10 is numpy's permutation, cut") {
  const auto clients = fl::split_samples(labels_of(60000), 100, {}, 10);
  const std::vector<int> first(clients[0].begin(), clients[0].begin() + 8);
  CHECK(first == std::vector<int>{21802, 16818, 51585, 50939, 52720, 23630, 36755, 40739});
  CHECK(clients[0].size() == 600);
}

TEST_CASE("the first clients get the samples that do not divide evenly") {
  const auto clients = fl::split_samples(labels_of(103), 10, {}, 10);
  CHECK(clients[2].size() == 11);
  CHECK(clients[3].size() == 10);
}

TEST_CASE("a client of the shard split sees few labels, in both sorts") {
  const auto labels = labels_of(1000);
  for (fl::LabelSort sort : {fl::LabelSort::introsort, fl::LabelSort::stable}) {
    const auto clients =
        fl::split_samples(labels, 10, {.split = fl::Split::shards, .sort = sort}, 10);
    for (const auto& samples : clients) {
      std::set<int> seen;
      for (int sample : samples) seen.insert(labels[sample]);
      CHECK(seen.size() <= 4);
    }
  }
}

TEST_CASE("client i of the shard split gets the shards at places 2i and 2i + 1 of a permutation") {
  const auto labels = labels_of(1000);
  const auto clients = fl::split_samples(
      labels, 10, {.split = fl::Split::shards, .sort = fl::LabelSort::stable}, 10);
  const auto order = nn::numpy::Generator(10).permutation(20);
  // Sorted by label, a shard of 50 starts at 50 * order: its first sample's label tells which.
  std::vector<std::uint8_t> sorted = labels;
  std::ranges::sort(sorted);
  for (int i = 0; i < 10; ++i) {
    CHECK(labels[clients[i][0]] == sorted[50 * order[2 * i]]);
    CHECK(labels[clients[i][50]] == sorted[50 * order[2 * i + 1]]);
  }
}

TEST_CASE("a small alpha gives clients few labels, a large one all of them") {
  const auto labels = labels_of(10000);
  const auto mean_share_of_commonest = [&](double alpha) {
    const auto clients =
        fl::split_samples(labels, 20, {.split = fl::Split::dirichlet, .alpha = alpha}, 10);
    double sum = 0;
    int counted = 0;
    for (const auto& samples : clients) {
      if (samples.empty()) continue;
      std::vector<int> counts(10);
      for (int sample : samples) ++counts[labels[sample]];
      sum += static_cast<double>(*std::ranges::max_element(counts)) / samples.size();
      ++counted;
    }
    return sum / counted;
  };
  CHECK(mean_share_of_commonest(0.05) > 0.5);
  CHECK(mean_share_of_commonest(1000) < 0.15);
}

TEST_CASE("a split that cannot be is refused") {
  const auto labels = labels_of(10);
  CHECK_THROWS_AS(fl::split_samples(labels, 0, {}, 10), nn::Error);
  CHECK_THROWS_AS(fl::split_samples(labels, 11, {}, 10), nn::Error);
  CHECK_THROWS_AS(fl::split_samples(labels, 2, {.split = fl::Split::dirichlet, .alpha = 0}, 10),
                  nn::Error);
}

TEST_CASE("clients per round are rounded half to even, and at least one") {
  CHECK(fl::clients_per_round(100, 0.1) == 10);
  CHECK(fl::clients_per_round(100, 0.001) == 1);
  CHECK(fl::clients_per_round(25, 0.1) == 2);  // 2.5
  CHECK(fl::clients_per_round(35, 0.1) == 4);  // 3.5
  CHECK(fl::clients_per_round(3, 1) == 3);
}
