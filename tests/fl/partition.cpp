#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include "fl/server.h"
#include "fl/splits/noisy_examples.h"
#include "fl/splits/partition.h"
#include "nn/base/error.h"
#include "nn/numpy.h"
#include "tests/complaint.h"
#include "tests/toy.h"

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
  for (const fl::SplitEntry& entry : fl::split_table())
    for (int clients : {1, 2, 7, 100, 500})
      for (double alpha : {0.01, 0.5, 100.0}) {
        if (entry.split == fl::Split::natural) continue;
        CAPTURE(entry.name);
        const fl::Partition partition{
            .split = entry.split, .alpha = alpha, .labels_per_client = clients < 10 ? 10 : 3};
        const auto result = fl::split_samples(labels, clients, partition, 10);
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

TEST_CASE("a client of the shard split sees few labels, with either sort") {
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

TEST_CASE("a client of the split by labels has k of them, each in equal parts") {
  const auto labels = labels_of(1000);
  for (int k : {1, 2, 3, 10}) {
    CAPTURE(k);
    const auto clients =
        fl::split_samples(labels, 20, {.split = fl::Split::labels, .labels_per_client = k}, 10);
    std::vector<std::vector<int>> counts(10);  // of each label, by its clients
    for (int client = 0; client < 20; ++client) {
      std::vector<int> own(10);
      for (int sample : clients[client]) ++own[labels[sample]];
      CHECK(std::ranges::count(own, 0) == 10 - k);
      CHECK(own[client % 10] > 0);
      for (int label = 0; label < 10; ++label)
        if (own[label] > 0) counts[label].push_back(own[label]);
    }
    for (const std::vector<int>& of_label : counts) {
      const auto [least, most] = std::ranges::minmax(of_label);
      CHECK(most - least <= 1);
    }
  }
}

TEST_CASE("labels that no client has are left out") {
  const auto labels = labels_of(1000);
  const auto clients =
      fl::split_samples(labels, 3, {.split = fl::Split::labels, .labels_per_client = 1}, 10);
  for (int client = 0; client < 3; ++client) {
    CHECK(std::ssize(clients[client]) == std::ranges::count(labels, client));
    for (int sample : clients[client]) CHECK(labels[sample] == client);
  }
}

TEST_CASE("the quantity split has uneven sizes for a small alpha, even ones for a large") {
  const auto labels = labels_of(10000);
  const auto largest_of = [&](const fl::Partition& partition) {
    std::size_t largest = 0;
    for (const auto& samples : fl::split_samples(labels, 20, partition, 10))
      largest = std::max(largest, samples.size());
    return largest;
  };
  CHECK(largest_of({.split = fl::Split::quantity, .alpha = 0.1}) > 2000);
  CHECK(largest_of({.split = fl::Split::quantity, .alpha = 1000}) < 600);
}

TEST_CASE("the power law gives a few clients most samples, and every client one") {
  const auto labels = labels_of(10000);
  const auto clients = fl::split_samples(labels, 100, {.split = fl::Split::power_law}, 10);
  std::vector<double> logarithms;
  std::vector<std::size_t> sizes;
  for (const auto& samples : clients) {
    REQUIRE(!samples.empty());
    sizes.push_back(samples.size());
    if (samples.size() > 1) logarithms.push_back(std::log(samples.size() - 1));
  }
  std::ranges::sort(sizes);
  CHECK(std::accumulate(sizes.end() - 10, sizes.end(), std::size_t{0}) > 4000);
  double sum = 0, squares = 0;
  for (double value : logarithms) sum += value;
  const double mean = sum / static_cast<double>(logarithms.size());
  for (double value : logarithms) squares += (value - mean) * (value - mean);
  CHECK(std::sqrt(squares / static_cast<double>(logarithms.size())) ==
        doctest::Approx(2).epsilon(0.25));
}

TEST_CASE("noise grows from the first client to the last, and stays with its image") {
  const data::ImageSet images = toy::images(200, 1);
  const auto clients = fl::split_samples(images, 5, {.split = fl::Split::feature_noise}, 10);
  const fl::NoisyExamples noisy(images, clients, 0.4, 10);
  const nn::index pixels = images.shape(1).size();
  for (int client = 0; client < 5; ++client) {
    std::vector<int> samples = clients[client], labels(samples.size()), clean_labels(labels);
    const auto size = static_cast<std::size_t>(pixels) * samples.size();
    std::vector<nn::real> inputs(size), clean(size), alone(pixels);
    noisy.copy_batch(samples, inputs.data(), labels);
    images.copy_batch(samples, clean.data(), clean_labels);
    CHECK(labels == clean_labels);
    double squares = 0;
    for (std::size_t i = 0; i < size; ++i)
      squares += (inputs[i] - clean[i]) * double{inputs[i] - clean[i]};
    // Of pixels from 0 to 1, which are divided by 0.3.
    CHECK(std::sqrt(squares / static_cast<double>(size)) * 0.3 ==
          doctest::Approx(0.1 * client).epsilon(0.05));
    noisy.copy_batch(std::span(samples).last(1), alone.data(), std::span(labels).last(1));
    CHECK(std::equal(alone.begin(), alone.end(), inputs.end() - pixels));
  }
}

TEST_CASE("a natural split is the data's own, with its number of clients") {
  struct Owned : data::ImageSet {
    explicit Owned(data::ImageSet images) : data::ImageSet(std::move(images)) {}
    std::span<const std::vector<int>> natural_clients() const override { return owners; }
    std::vector<std::vector<int>> owners{{0, 3}, {1, 2}};
  };
  const Owned owned(toy::images(4, 1));
  const fl::Partition natural{.split = fl::Split::natural};
  CHECK(fl::split_samples(owned, 2, natural, 10) == owned.owners);
  CHECK(complaint_of([&] { fl::split_samples(owned, 3, natural, 10); }) ==
        "the data belongs to 2 clients, not 3");
  CHECK(complaint_of([&] { fl::split_samples(toy::images(4, 1), 2, natural, 10); }) ==
        "the data does not say which client a sample belongs to");
}

TEST_CASE("an impossible split is refused") {
  const auto labels = labels_of(10);
  CHECK_THROWS_AS(fl::split_samples(labels, 0, {}, 10), nn::Error);
  CHECK_THROWS_AS(fl::split_samples(labels, 11, {}, 10), nn::Error);
  CHECK_THROWS_AS(fl::split_samples(labels, 2, {.split = fl::Split::dirichlet, .alpha = 0}, 10),
                  nn::Error);
  CHECK_THROWS_AS(fl::split_samples(labels, 2, {.split = fl::Split::natural}, 10), nn::Error);
  for (int k : {0, 11})
    CHECK_THROWS_AS(
        fl::split_samples(labels, 2, {.split = fl::Split::labels, .labels_per_client = k}, 10),
        nn::Error);
}

TEST_CASE("clients per round are rounded half to even, and at least one") {
  CHECK(fl::clients_per_round(100, 0.1) == 10);
  CHECK(fl::clients_per_round(100, 0.001) == 1);
  CHECK(fl::clients_per_round(25, 0.1) == 2);  // 2.5
  CHECK(fl::clients_per_round(35, 0.1) == 4);  // 3.5
  CHECK(fl::clients_per_round(3, 1) == 3);
}
