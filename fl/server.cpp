#include "fl/server.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fl/aggregate.h"
#include "fl/parallel.h"
#include "fl/stopwatch.h"
#include "nn/blas.h"

namespace fl {

int clients_per_round(int clients, double fraction) {
  return std::max(1, static_cast<int>(std::nearbyint(fraction * clients)));
}

// Without federation there is one party, and it has everything.
static Config settled(Config config) {
  if (!config.algorithm->is_federated)
    config.clients = 1, config.fraction = 1, config.partition = {};
  return config;
}

Server::Server(Config config, const data::ImageDataset& dataset)
    : config_(settled(std::move(config))),
      dataset_(dataset),
      samples_(
          split_samples(dataset.train.labels, config_.clients, config_.partition, config_.seed)),
      choices_(config_.seed),
      clients_per_round_(fl::clients_per_round(config_.clients, config_.fraction)) {
  nn::require(config_.threads > 0, "server: ", config_.threads, " threads");
  nn::Generator generator(config_.seed);
  model_ = config_.make_model(generator);
  const int workers = std::min(config_.threads, std::max(clients_per_round_, test_parts()));
  nn::blas::reserve(workers);
  for (int i = 0; i < workers; ++i)
    workers_.emplace_back(config_.make_model, config_.dropout, &idle_);
}

std::vector<int> Server::choose_clients() {
  return choices_.choice(config_.clients, clients_per_round_);
}

void Server::resume(const Round& last) {
  nn::require(last_.number == 0, "server: it has already played ", last_.number, " rounds");
  for (int round = 0; round < last.number; ++round) choose_clients();  // moves the draws on
  last_ = last;
}

Round Server::play_round() {
  const Stopwatch whole_round;
  const std::vector<int> chosen = choose_clients();
  const std::span<nn::real> weights = model_->parameters().values();
  const int round = last_.number;

  int round_samples = 0;
  for (int client : chosen) round_samples += static_cast<int>(samples_[client].size());

  std::vector<double> seconds(chosen.size());
  std::vector<std::span<const nn::real>> updates(chosen.size());
  std::vector<LeftOut> left_out;
  WeightedMean mean(weights.size());
  ordered_parallel(
      workers_, static_cast<int>(chosen.size()),
      [&](Worker& worker, int task) {
        const double start = thread_seconds() + worker.helped_seconds();
        const int client = chosen[task];
        if (samples_[client].empty()) return;
        nn::Generator generator(config_.seed + client + 1 +
                                static_cast<std::uint64_t>(round) * clients_per_round_);
        std::ranges::copy(weights, worker.weights().begin());
        updates[task] = config_.algorithm->train(worker, dataset_.train, samples_[client],
                                                 config_.training, generator);
        seconds[task] = thread_seconds() + worker.helped_seconds() - start;
      },
      [&](Worker&, int task) {
        const int client = chosen[task];
        if (samples_[client].empty())
          left_out.push_back({client, "it has no samples"});
        else if (!is_finite(updates[task]))
          left_out.push_back({client, "its update is not finite"});
        else
          mean.add(updates[task], static_cast<int>(samples_[client].size()), round_samples);
      },
      [&](Worker& worker) { idle_.add(worker); });
  idle_.clear();
  const Stopwatch applying;
  if (!mean.is_empty()) config_.algorithm->apply(weights, mean.mean(), config_.training);

  Round result;
  result.number = round + 1;
  result.chosen = static_cast<int>(chosen.size());
  result.ideal_seconds =
      last_.ideal_seconds + *std::ranges::max_element(seconds) + applying.seconds();
  result.messages = config_.algorithm->is_federated ? last_.messages + 2 * clients_per_round_ : 0;
  result.left_out = std::move(left_out);
  result.accuracy = test();
  result.seconds = last_.seconds + whole_round.seconds();
  last_ = result;
  return result;
}

int Server::test_parts() const {
  return (dataset_.test.size() + Worker::part_size - 1) / Worker::part_size;
}

double Server::test() {
  const int size = dataset_.test.size();
  std::vector<int> samples(size);
  std::iota(samples.begin(), samples.end(), 0);
  for (Worker& worker : workers_)
    std::ranges::copy(model_->parameters().values(), worker.weights().begin());

  const int part = Worker::part_size, parts = test_parts();
  std::vector<int> correct(parts);
  ordered_parallel(
      workers_, parts,
      [&](Worker& worker, int task) {
        const int first = task * part;
        correct[task] = worker.count_correct(
            dataset_.test, std::span(samples).subspan(first, std::min(part, size - first)));
      },
      [](Worker&, int) {});
  return 100.0 * std::accumulate(correct.begin(), correct.end(), 0) / size;
}

}  // namespace fl
