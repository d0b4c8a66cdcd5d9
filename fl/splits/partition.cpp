#include "fl/splits/partition.h"

#include <algorithm>
#include <array>
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

std::vector<std::vector<int>> samples_by_label(std::span<const std::uint8_t> labels) {
  std::vector<std::vector<int>> samples(labels.empty() ? 0 : *std::ranges::max_element(labels) + 1);
  for (int sample = 0; sample < static_cast<int>(labels.size()); ++sample)
    samples[labels[sample]].push_back(sample);
  return samples;
}

std::vector<int> shuffled(const std::vector<int>& samples, nn::numpy::Generator& generator) {
  std::vector<int> result;
  for (int place : generator.permutation(static_cast<int>(samples.size())))
    result.push_back(samples[place]);
  return result;
}

// Gives each client its share of the samples. They are cut at the rounded running sums, so that
// each falls to exactly one client.
void deal_out(std::span<const int> samples, std::span<const double> shares, Clients& clients) {
  double sum = 0;
  std::size_t first = 0;
  for (std::size_t client = 0; client < clients.size(); ++client) {
    sum += shares[client];
    const bool is_last = client == clients.size() - 1;
    const auto cut =
        static_cast<std::size_t>(std::llround(sum * static_cast<double>(samples.size())));
    const std::size_t last = is_last ? samples.size() : std::clamp(cut, first, samples.size());
    for (; first < last; ++first) clients[client].push_back(samples[first]);
  }
}

Clients split_by_dirichlet(std::span<const std::uint8_t> labels, int clients, double alpha,
                           nn::numpy::Generator& generator) {
  Clients result(clients);
  for (const std::vector<int>& samples : samples_by_label(labels)) {
    const std::vector<int> order = shuffled(samples, generator);
    deal_out(order, generator.dirichlet(alpha, clients), result);
  }
  return result;
}

Clients split_by_labels(std::span<const std::uint8_t> labels, int clients, int labels_per_client,
                        nn::numpy::Generator& generator) {
  const std::vector<std::vector<int>> samples = samples_by_label(labels);
  const int classes = static_cast<int>(samples.size());
  nn::require(labels_per_client > 0 && labels_per_client <= classes, "split: ", labels_per_client,
              " labels a client, of ", classes);
  std::vector<std::vector<int>> owners(classes);
  for (int client = 0; client < clients; ++client) {
    owners[client % classes].push_back(client);
    for (int other : generator.choice(classes - 1, labels_per_client - 1))
      owners[other + (other >= client % classes)].push_back(client);
  }
  Clients result(clients);
  for (int label = 0; label < classes; ++label) {
    const std::vector<int> order = shuffled(samples[label], generator);
    if (owners[label].empty()) continue;
    const Clients parts = array_split(order, static_cast<int>(owners[label].size()));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::vector<int>& own = result[owners[label][i]];
      own.insert(own.end(), parts[i].begin(), parts[i].end());
    }
  }
  return result;
}

Clients split_by_quantity(int size, int clients, double alpha, nn::numpy::Generator& generator) {
  Clients result(clients);
  const std::vector<int> order = generator.permutation(size);
  deal_out(order, generator.dirichlet(alpha, clients), result);
  return result;
}

// Every client has one sample before the others are dealt out.
Clients split_by_power_law(int size, int clients, nn::numpy::Generator& generator) {
  Clients result(clients);
  const std::vector<int> order = generator.permutation(size);
  std::vector<double> shares = generator.lognormal(2, clients);
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share = (1 + (size - clients) * share / sum) / size;
  deal_out(order, shares, result);
  return result;
}

}  // namespace

std::span<const SplitEntry> split_table() {
  static constexpr std::array table{
      SplitEntry{Split::iid, "iid", "random, of equal size"},
      SplitEntry{Split::shards, "shards", "two shards a client, of samples sorted by label"},
      SplitEntry{Split::dirichlet, "dirichlet", "each label by a Dirichlet draw"},
      SplitEntry{Split::labels, "labels", "a few labels a client"},
      SplitEntry{Split::quantity, "quantity", "sizes by a Dirichlet draw"},
      SplitEntry{Split::power_law, "power-law", "sizes by a log-normal draw"},
      SplitEntry{Split::feature_noise, "feature-noise",
                 "like iid, with noise that grows from client to client"},
      SplitEntry{Split::natural, "natural", "each client's own samples"},
  };
  return table;
}

std::string_view name_of(Split split) {
  const auto found = std::ranges::find(split_table(), split, &SplitEntry::split);
  nn::require(found != split_table().end(), "split: unknown kind");
  return found->name;
}

Clients split_samples(std::span<const std::uint8_t> labels, int clients, const Partition& partition,
                      std::uint64_t seed) {
  const int size = static_cast<int>(labels.size());
  nn::require(clients > 0 && clients <= size, "split: ", clients, " clients for ", size,
              " samples");
  nn::require(partition.alpha > 0, "split: alpha is ", partition.alpha, ", not above 0");
  nn::numpy::Generator generator(seed);
  switch (partition.split) {
    case Split::iid:
    case Split::feature_noise:
      return array_split(generator.permutation(size), clients);
    case Split::shards:
      return split_into_shards(labels, clients, partition.sort, generator);
    case Split::dirichlet:
      return split_by_dirichlet(labels, clients, partition.alpha, generator);
    case Split::labels:
      return split_by_labels(labels, clients, partition.labels_per_client, generator);
    case Split::quantity:
      return split_by_quantity(size, clients, partition.alpha, generator);
    case Split::power_law:
      return split_by_power_law(size, clients, generator);
    case Split::natural:
      break;
  }
  throw nn::Error("split: labels do not say which client a sample belongs to");
}

Clients split_samples(const data::Examples& examples, int clients, const Partition& partition,
                      std::uint64_t seed) {
  if (partition.split != Split::natural)
    return split_samples(examples.groups(), clients, partition, seed);
  const std::span<const std::vector<int>> natural = examples.natural_clients();
  if (natural.empty())
    throw nn::InputError("the data does not say which client a sample belongs to",
                         "choose another --split or --dataset");
  if (std::ssize(natural) != clients)
    throw nn::InputError(
        nn::concat("the data belongs to ", natural.size(), " clients, not ", clients),
        nn::concat("choose --clients ", natural.size()));
  return {natural.begin(), natural.end()};
}

}  // namespace fl
