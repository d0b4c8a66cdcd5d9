#include "fl/server.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "fl/defences.h"
#include "fl/held_out.h"
#include "fl/noisy_examples.h"
#include "fl/parallel.h"
#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/blas.h"
#include "nn/optimizer.h"

namespace fl {

int clients_per_round(int clients, double fraction) {
  return std::max(1, static_cast<int>(std::nearbyint(fraction * clients)));
}

// Without federation there is one party, which has everything and shuffles it.
static Config settled(Config config) {
  if (config.algorithm->is_federated) return config;
  config.clients = 1, config.fraction = 1, config.partition = {};
  config.training.is_shuffled = true;
  return config;
}

Server::Server(Config config, const data::Examples& train, const data::Examples& test)
    : config_(settled(std::move(config))),
      samples_(split_samples(train, config_.clients, config_.partition, config_.seed)),
      noisy_(config_.partition.split == Split::feature_noise
                 ? std::make_unique<NoisyExamples>(train, samples_, config_.partition.feature_noise,
                                                   config_.seed)
                 : nullptr),
      train_(noisy_ ? *noisy_ : train),
      test_(test),
      held_out_(hold_out(samples_, config_.held_out)),
      choices_(config_.seed),
      clients_per_round_(fl::clients_per_round(config_.clients, config_.fraction)) {
  nn::require(config_.threads > 0, "server: ", config_.threads, " threads");
  check_options(option_users(config_), config_.options);
  if (config_.defence && config_.defence->check)
    config_.defence->check(config_, clients_per_round_);
  nn::Generator generator(config_.seed);
  model_ = config_.make_model(generator);
  algorithm_ = config_.algorithm->make(config_, weights().size());
  aggregation_ =
      config_.defence ? config_.defence->make(config_) : std::make_unique<WeightedMean>();
  sender_ = std::make_unique<Sender>(config_, model_->parameters(), train_);
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
  Kept kept{client_states_.of(client), {}, model_->parameters().buffers()};
  kept.state = kept.all;
  if (config_.buffers == Buffers::averaged || kept.all.empty()) return kept;
  const std::size_t size = kept.all.size(), buffers = kept.buffers.size();
  nn::require(size >= buffers, "server: client ", client, " has kept ", size,
              " numbers, fewer than its model has buffers");
  kept.buffers = kept.state.last(buffers);
  kept.state = kept.state.first(size - buffers);
  return kept;
}

std::vector<nn::real> Server::to_keep(int client, std::span<const nn::real> state,
                                      std::span<const nn::real> buffers) const {
  if (config_.buffers == Buffers::averaged) return {state.begin(), state.end()};
  Kept before;
  if (state.empty()) {
    before = kept_by(client);
    state = before.state;
  }
  std::vector<nn::real> all(state.begin(), state.end());
  all.insert(all.end(), buffers.begin(), buffers.end());
  return all;
}

struct Server::Training {
  struct Held {  // where malicious clients see all updates before they send theirs
    ClientUpdate update;
    std::vector<nn::real> values;
  };
  std::vector<Held> held;
  WeightedMean buffers;
  std::vector<std::pair<int, std::vector<nn::real>>> states, residuals;  // to keep, by client
  std::vector<Exclusion> excluded;
  int participants = 0;
  double loss_sum = 0, weight = 0;
  double longest_seconds = 0;
  std::int64_t bytes = 0;  // sent by the clients

  // Forgets a client whose update was lost in the aggregation.
  void exclude(const Exclusion& exclusion) {
    const auto is_its = [&](const auto& kept) { return kept.first == exclusion.client; };
    std::erase_if(states, is_its);
    std::erase_if(residuals, is_its);
    --participants;
    excluded.push_back(exclusion);
  }
};

Server::Training Server::train(const std::vector<int>& chosen) {
  Training result;
  const Attack* attack = sender_->attack();
  const bool holds = attack && attack->colludes();
  int round_weight = 0;
  for (int client : chosen) round_weight += weight_of(client);

  const int round = last_.number;
  LocalTraining training = config_.training;
  training.learning_rate = learning_rate();
  aggregation_->start(round);
  std::vector<double> seconds(chosen.size()), losses(chosen.size());
  std::vector<Sender::Sent> sent(chosen.size());
  const auto train_task = [&](ClientWorker& worker, int task) {
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
                          .examples = train_,
                          .samples = samples_[client],
                          .training = training,
                          .generator = generator,
                          .worker = worker,
                          .server_weights = weights(),
                          .broadcast = algorithm_->broadcast(),
                          .state = kept.state};
    sent[task] = sender_->train(*algorithm_, context);
    if (config_.buffers == Buffers::averaged) sent[task].bytes += bytes_of(worker.buffers().size());
    losses[task] = context.loss_sum / std::max(1, context.batches);
    seconds[task] = nn::thread_seconds() + worker.helped_seconds() - start;
  };
  const auto take_update = [&](ClientWorker& worker, int task) {
    const int client = chosen[task];
    const auto& [values, state] = sent[task].update;
    result.bytes += sent[task].bytes;
    if (samples_[client].empty()) {
      result.excluded.push_back({client, "it has no samples"});
    } else if (!sent[task].is_finite() || !nn::all_finite(worker.buffers())) {
      result.excluded.push_back({client, "its update is not finite"});
    } else {
      const ClientUpdate update{client, values, weight_of(client), round_weight};
      if (holds)
        result.held.push_back({update, {values.begin(), values.end()}});
      else
        aggregation_->add(update);
      result.buffers.add({client, worker.buffers(), weight_of(client), round_weight});
      if (std::vector keep = to_keep(client, state, worker.buffers()); !keep.empty())
        result.states.emplace_back(client, std::move(keep));
      if (!sent[task].residual.empty())
        result.residuals.emplace_back(client, std::move(sent[task].residual));
      ++result.participants;
      result.loss_sum += weight_of(client) * losses[task];
      result.weight += weight_of(client);
    }
  };
  struct NobodyIdle {
    ~NobodyIdle() { idle.clear(); }
    IdleWorkers& idle;
  } const afterwards{idle_};
  ordered_parallel(workers_, static_cast<int>(chosen.size()), train_task, take_update,
                   [&](ClientWorker& worker) { idle_.add(worker); });
  result.longest_seconds = *std::ranges::max_element(seconds);

  std::vector<RoundUpdate> all;
  for (auto& [update, values] : result.held) {
    update.values = values;
    all.push_back({update.client, sender_->is_malicious(update.client),
                   std::span(values).first(weights().size())});
  }
  if (!all.empty()) attack->collude(all);
  for (const auto& held : result.held) aggregation_->add(held.update);
  return result;
}

double Server::learning_rate() const {
  const LocalTraining& training = config_.training;
  return training.learning_rate * std::pow(training.decay, last_.number);
}

Round Server::play_round(bool is_tested) {
  const nn::Stopwatch whole_round;
  nn::numpy::Generator choices = choices_;
  const std::vector<int> chosen = choices.choice(config_.clients, clients_per_round_);
  Training training = train(chosen);
  choices_ = choices;

  Round result;
  const nn::Stopwatch applying;
  if (training.participants > 0) {
    const std::span<const nn::real> aggregate = aggregation_->result();
    for (const Exclusion& lost : aggregation_->excluded()) training.exclude(lost);
    if (!aggregate.empty()) {
      ServerContext context{weights(), last_.number, config_.clients, training.participants,
                            learning_rate()};
      algorithm_->apply(context, sender_->received(aggregate, weights()));
      result.selected = aggregation_->selected();
      std::ranges::copy(training.buffers.result(), buffers().begin());
    }
  }
  for (auto& [client, state] : training.states) client_states_.keep(client, std::move(state));
  for (auto& [client, kept] : training.residuals)
    sender_->residuals().keep(client, std::move(kept));

  result.number = last_.number + 1;
  result.chosen = static_cast<int>(chosen.size());
  result.ideal_seconds = last_.ideal_seconds + training.longest_seconds + applying.seconds();
  result.messages = config_.algorithm->is_federated ? last_.messages + 2 * clients_per_round_ : 0;
  result.excluded = std::move(training.excluded);
  if (training.weight > 0) result.measures["Training loss"] = training.loss_sum / training.weight;
  const bool sends = config_.algorithm->is_federated;
  result.measures["Bytes up"] =
      last_.measures["Bytes up"] + (sends ? static_cast<double>(training.bytes) : 0.0);
  result.measures["Bytes down"] =
      last_.measures["Bytes down"] +
      (sends ? static_cast<double>(bytes_to_client()) * clients_per_round_ : 0.0);
  result.measures.merge(aggregation_->measures());
  result.accuracy = std::numeric_limits<double>::quiet_NaN();
  if (is_tested) test(result);
  result.seconds = last_.seconds + whole_round.seconds();
  last_ = result;
  return result;
}

void Server::test(Round& round) {
  const Evaluation evaluation = evaluate();
  round.accuracy = evaluation.accuracy;
  round.measures["Test loss"] = evaluation.loss;
  round.measures.merge(client_measures(client_accuracies()));
  if (const Attack* attack = sender_->attack(); attack && attack->target()) {
    const Evaluation triggered = evaluate(true);
    round.measures["Attack success"] = triggered.share_of(*attack->target());
    round.measures["Triggered accuracy"] = triggered.accuracy;
  }
}

std::int64_t Server::bytes_to_client() const {
  const std::size_t buffers =
      config_.buffers == Buffers::averaged ? model_->parameters().buffers().size() : 0;
  return bytes_of(model_->parameters().values().size() + algorithm_->broadcast().size() + buffers);
}

int Server::test_parts() const {
  return (test_.size() + ClientWorker::part_size - 1) / ClientWorker::part_size;
}

Evaluation Server::evaluate(bool has_trigger) {
  const int size = test_.size();
  std::vector<int> samples(size);
  std::iota(samples.begin(), samples.end(), 0);
  for (ClientWorker& worker : workers_) {
    std::ranges::copy(weights(), worker.weights().begin());
    std::ranges::copy(buffers(), worker.buffers().begin());
  }

  const int part = ClientWorker::part_size, parts = test_parts();
  std::vector<Predictions> predictions(parts);
  Predictions all;
  ordered_parallel(
      workers_, parts,
      [&](ClientWorker& worker, int task) {
        const int first = task * part;
        predictions[task] =
            worker.predict(test_, std::span(samples).subspan(first, std::min(part, size - first)),
                           has_trigger ? sender_->attack() : nullptr);
      },
      [&](ClientWorker&, int task) { all.append(predictions[task]); });
  return fl::evaluate(all);
}

std::vector<double> Server::client_accuracies() {
  std::vector<int> clients;
  for (int client = 0; client < config_.clients; ++client)
    if (!held_out_[client].empty()) clients.push_back(client);
  std::vector<double> accuracies(clients.size());
  ordered_parallel(
      workers_, static_cast<int>(clients.size()),
      [&](ClientWorker& worker, int task) {
        const Kept kept = kept_by(clients[task]);
        std::ranges::copy(weights(), worker.weights().begin());
        std::ranges::copy(kept.buffers, worker.buffers().begin());
        algorithm_->personalise(kept.state, worker.weights(), worker.buffers());
        accuracies[task] = fl::evaluate(worker.predict(train_, held_out_[clients[task]])).accuracy;
      },
      [](ClientWorker&, int) {});
  return accuracies;
}

}  // namespace fl
