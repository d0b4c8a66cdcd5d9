#include "fl/server.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "fl/parallel.h"
#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/blas.h"
#include "nn/optimizer.h"

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
  check_options(*config_.algorithm, config_.options);
  nn::Generator generator(config_.seed);
  model_ = config_.make_model(generator);
  algorithm_ = config_.algorithm->make(config_, weights().size());
  const int workers = std::min(config_.threads, std::max(clients_per_round_, test_parts()));
  nn::blas::reserve(workers);
  for (int i = 0; i < workers; ++i)
    workers_.emplace_back(config_.make_model, config_.dropout, &idle_);
}

void Server::resume(const Round& last) {
  nn::require(last_.number == 0, "server: it has already played ", last_.number, " rounds");
  for (int round = 0; round < last.number; ++round)  // moves the draws on
    choices_.choice(config_.clients, clients_per_round_);
  last_ = last;
}

int Server::weight_of(int client) const {
  const int samples = static_cast<int>(samples_[client].size());
  return config_.algorithm->weighting == Weighting::by_samples ? samples : samples > 0;
}

Server::Kept Server::kept_by(int client) const {
  const std::span<const nn::real> all = client_states_.of(client);
  const std::span<const nn::real> server = model_->parameters().buffers();
  if (config_.buffers == Buffers::averaged || all.empty()) return {all, server};
  nn::require(all.size() >= server.size(), "server: client ", client, " has kept ", all.size(),
              " numbers, fewer than its model has buffers");
  return {all.first(all.size() - server.size()), all.last(server.size())};
}

std::vector<nn::real> Server::to_keep(int client, std::span<const nn::real> state,
                                      std::span<const nn::real> buffers) const {
  if (config_.buffers == Buffers::averaged) return {state.begin(), state.end()};
  if (state.empty()) state = kept_by(client).state;
  std::vector<nn::real> all(state.begin(), state.end());
  all.insert(all.end(), buffers.begin(), buffers.end());
  return all;
}

struct Server::Training {
  std::unique_ptr<Aggregation> aggregation;
  WeightedMean buffers;
  std::vector<std::pair<int, std::vector<nn::real>>> states;  // to keep, by client
  std::vector<Exclusion> excluded;
  int participants = 0;
  double longest_seconds = 0;
};

Server::Training Server::train(const std::vector<int>& chosen) {
  Training result;
  result.aggregation = algorithm_->own_aggregation();
  if (!result.aggregation) result.aggregation = config_.aggregation->make();
  int round_weight = 0;
  for (int client : chosen) round_weight += weight_of(client);

  const int round = last_.number;
  std::vector<double> seconds(chosen.size());
  std::vector<Update> updates(chosen.size());
  const auto train_client = [&](ClientWorker& worker, int task) {
    const double start = nn::thread_seconds() + worker.helped_seconds();
    const int client = chosen[task];
    if (samples_[client].empty()) return;
    nn::Generator generator(config_.seed + client + 1 +
                            static_cast<std::uint64_t>(round) * clients_per_round_);
    std::ranges::copy(weights(), worker.weights().begin());
    const Kept kept = kept_by(client);
    std::ranges::copy(kept.buffers, worker.buffers().begin());
    ClientContext context{.client = client,
                          .round = round,
                          .images = &dataset_.train,
                          .samples = samples_[client],
                          .training = config_.training,
                          .generator = generator,
                          .worker = worker,
                          .server_weights = weights(),
                          .broadcast = algorithm_->broadcast(),
                          .state = kept.state};
    updates[task] = algorithm_->train(context);
    seconds[task] = nn::thread_seconds() + worker.helped_seconds() - start;
  };
  const auto take_update = [&](ClientWorker& worker, int task) {
    const int client = chosen[task];
    const auto& [values, state] = updates[task];
    if (samples_[client].empty()) {
      result.excluded.push_back({client, "it has no samples"});
    } else if (!nn::all_finite(values) || !nn::all_finite(state) ||
               !nn::all_finite(worker.buffers())) {
      result.excluded.push_back({client, "its update is not finite"});
    } else {
      result.aggregation->add({client, values, weight_of(client), round_weight});
      result.buffers.add({client, worker.buffers(), weight_of(client), round_weight});
      if (std::vector keep = to_keep(client, state, worker.buffers()); !keep.empty())
        result.states.emplace_back(client, std::move(keep));
      ++result.participants;
    }
  };
  struct NobodyIdle {
    ~NobodyIdle() { idle.clear(); }
    IdleWorkers& idle;
  } const afterwards{idle_};
  ordered_parallel(workers_, static_cast<int>(chosen.size()), train_client, take_update,
                   [&](ClientWorker& worker) { idle_.add(worker); });
  result.longest_seconds = *std::ranges::max_element(seconds);
  return result;
}

Round Server::play_round() {
  const nn::Stopwatch whole_round;
  nn::numpy::Generator choices = choices_;
  const std::vector<int> chosen = choices.choice(config_.clients, clients_per_round_);
  Training training = train(chosen);
  choices_ = choices;

  const nn::Stopwatch applying;
  if (training.participants > 0) {
    ServerContext context{weights(), last_.number, config_.clients, training.participants};
    algorithm_->apply(context, training.aggregation->result());
    std::ranges::copy(training.buffers.result(), buffers().begin());
  }
  for (auto& [client, state] : training.states) client_states_.keep(client, std::move(state));

  Round result;
  result.number = last_.number + 1;
  result.chosen = static_cast<int>(chosen.size());
  result.ideal_seconds = last_.ideal_seconds + training.longest_seconds + applying.seconds();
  result.messages = config_.algorithm->is_federated ? last_.messages + 2 * clients_per_round_ : 0;
  result.excluded = std::move(training.excluded);
  result.accuracy = test();
  result.seconds = last_.seconds + whole_round.seconds();
  last_ = result;
  return result;
}

int Server::test_parts() const {
  return (dataset_.test.size() + ClientWorker::part_size - 1) / ClientWorker::part_size;
}

double Server::test() {
  const int size = dataset_.test.size();
  std::vector<int> samples(size);
  std::iota(samples.begin(), samples.end(), 0);
  for (ClientWorker& worker : workers_) {
    std::ranges::copy(weights(), worker.weights().begin());
    std::ranges::copy(buffers(), worker.buffers().begin());
  }

  const int part = ClientWorker::part_size, parts = test_parts();
  std::vector<int> correct(parts);
  ordered_parallel(
      workers_, parts,
      [&](ClientWorker& worker, int task) {
        const int first = task * part;
        correct[task] = worker.count_correct(
            dataset_.test, std::span(samples).subspan(first, std::min(part, size - first)));
      },
      [](ClientWorker&, int) {});
  return 100.0 * std::accumulate(correct.begin(), correct.end(), 0) / size;
}

}  // namespace fl
