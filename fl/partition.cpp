#include "fl/partition.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nn/base/error.h"
#include "nn/numpy.h"

namespace fl {

namespace {

using Clients = std::vector<std::vector<int>>;

// numpy.array_split
Clients array_split(std::span<const int> samples, int parts) {
  Clients clients;
  for (int size : nn::numpy::array_split_sizes(static_cast<int>(samples.size()), parts)) {
    clients.emplace_back(samples.begin(), samples.begin() + size);
    samples = samples.subspan(size);
  }
  return clients;
}

std::vector<int> sorted_by_label(std::span<const std::uint8_t> labels, LabelSort sort) {
  if (sort == LabelSort::introsort) return nn::numpy::argsort(labels);
  std::vector<int> order(labels.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int sample) { return labels[sample]; });
  return order;
}

Clients split_into_shards(std::span<const std::uint8_t> labels, int clients, LabelSort sort,
                          nn::numpy::Generator& generator) {
  const Clients shards = array_split(sorted_by_label(labels, sort), 2 * clients);
  const std::vector<int> order = generator.permutation(2 * clients);
  Clients result(clients);
  for (int i = 0; i < 2 * clients; ++i)
    result[i / 2].insert(result[i / 2].end(), shards[order[i]].begin(), shards[order[i]].end());
  return result;
}

Clients split_by_dirichlet(std::span<const std::uint8_t> labels, int clients, double alpha,
                           nn::numpy::Generator& generator) {
  Clients result(clients);
  const int classes = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
  for (int label = 0; label < classes; ++label) {
    std::vector<int> members;
    for (int sample = 0; sample < static_cast<int>(labels.size()); ++sample)
      if (labels[sample] == label) members.push_back(sample);
    const std::vector<int> order = generator.permutation(static_cast<int>(members.size()));
    const std::vector<double> shares = generator.dirichlet(alpha, clients);

    // Cut at the rounded running sum, so that every member falls to exactly one client.
    double sum = 0;
    std::size_t first = 0;
    for (int client = 0; client < clients; ++client) {
      sum += shares[client];
      const bool is_last = client == clients - 1;
      const auto cut =
          static_cast<std::size_t>(std::llround(sum * static_cast<double>(members.size())));
      const std::size_t last = is_last ? members.size() : std::clamp(cut, first, members.size());
      for (; first < last; ++first) result[client].push_back(members[order[first]]);
    }
  }
  return result;
}

}  // namespace

Clients split_samples(std::span<const std::uint8_t> labels, int clients, const Partition& partition,
                      std::uint64_t seed) {
  const int size = static_cast<int>(labels.size());
  nn::require(clients > 0 && clients <= size, "split: ", clients, " clients for ", size,
              " samples");
  nn::numpy::Generator generator(seed);
  switch (partition.split) {
    case Split::iid:
      return array_split(generator.permutation(size), clients);
    case Split::shards:
      return split_into_shards(labels, clients, partition.sort, generator);
    case Split::dirichlet:
      nn::require(partition.alpha > 0, "split: alpha is ", partition.alpha, ", not above 0");
      return split_by_dirichlet(labels, clients, partition.alpha, generator);
  }
  throw nn::Error("split: unknown kind");
}

}  // namespace fl
