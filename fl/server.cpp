#include "fl/server.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "fl/defences.h"
#include "fl/held_out.h"
#include "fl/noisy_examples.h"
#include "fl/parallel.h"
#include "fl/privacy/clip.h"
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
  if (!config.algorithm->is_federated) config.training.is_shuffled = true;
  return config;
}

static std::int64_t bytes_of(std::size_t numbers) {
  return bytes_per_number * static_cast<std::int64_t>(numbers);
}

// Drawn by numpy.random.default_rng(seed + 1).
static std::vector<int> draw_malicious(const Config& config) {
  std::vector<int> clients = config.malicious.clients;
  if (clients.empty())
    clients =
        nn::numpy::Generator(config.seed + 1)
            .choice(config.clients,
                    static_cast<int>(std::nearbyint(config.malicious.share * config.clients)));
  if (clients.empty())
    throw nn::InputError(nn::concat("a share of ", config.malicious.share, " of ", config.clients,
                                    " clients: none is malicious"),
                         nn::concat("choose --malicious ", 1.0 / config.clients, " or more"));
  std::ranges::sort(clients);
  for (int client : clients)
    if (client < 0 || client >= config.clients)
      throw nn::InputError(nn::concat("there is no client ", client, " to be malicious"),
                           nn::concat("clients have the numbers 0 to ", config.clients - 1));
  return clients;
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
  if (config_.attack) {
    attack_ = config_.attack->make(config_);
    attack_->check(train_);
    malicious_ = draw_malicious(config_);
  }
  if (config_.compression) compression_ = config_.compression->make(config_);
  converts_ = config_.algorithm->sends == Sends::weights &&
              (config_.defence || attack_ || compression_ || config_.local_privacy.clip > 0);
  for (const nn::ParameterInfo& info : model_->parameters().infos())
    tensors_.push_back(info.shape.size());
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

bool Server::is_malicious(int client) const {
  return std::ranges::binary_search(malicious_, client);
}

// As the aggregation is to see it.
struct Server::Sent {
  Update update;
  std::vector<nn::real> residual;  // of compression, to keep
  std::int64_t bytes = 0;

  bool is_finite() const {
    return nn::all_finite(update.values) && nn::all_finite(update.state) &&
           nn::all_finite(residual);
  }
};

// As the algorithm says, but for what local privacy hides, an attack alters and compression loses.
Server::Sent Server::train_client(ClientContext& client) const {
  const bool attacks = is_malicious(client.client);
  client.worker.set_attack(attacks ? attack_.get() : nullptr);
  const Update update = algorithm_->train(client);
  client.worker.set_attack(nullptr);
  if (converts_)
    for (std::size_t i = 0; i < client.server_weights.size(); ++i)
      update.values[i] -= client.server_weights[i];
  if (const LocalPrivacy& privacy = config_.local_privacy; privacy.clip > 0) {
    const auto factor = static_cast<nn::real>(clip_factor(update.values, privacy.clip));
    for (nn::real& value : update.values) value *= factor;
    add_noise(update.values, privacy.noise * privacy.clip, client.generator);
  }
  if (attacks)
    attack_->alter({client.client, client.round, tensors_, client.generator},
                   update.values.first(client.server_weights.size()));
  Sent sent{update, {}, bytes_of(update.values.size())};
  if (compression_ && nn::all_finite(update.values)) {
    const std::span<const nn::real> kept = residuals_.of(client.client);
    sent.residual.assign(kept.begin(), kept.end());
    sent.bytes = compression_->compress(update.values, sent.residual, client.generator);
  }
  if (config_.buffers == Buffers::averaged) sent.bytes += bytes_of(client.worker.buffers().size());
  return sent;
}

// What the algorithm gets of what the aggregation gave.
std::span<const nn::real> Server::to_apply(std::span<const nn::real> aggregate) {
  if (!converts_) return aggregate;
  applied_.assign(aggregate.begin(), aggregate.end());
  for (std::size_t i = 0; i < weights().size(); ++i) applied_[i] += weights()[i];
  return applied_;
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
  const bool holds = attack_ && attack_->colludes();
  int round_weight = 0;
  for (int client : chosen) round_weight += weight_of(client);

  const int round = last_.number;
  LocalTraining training = config_.training;
  training.learning_rate = learning_rate();
  aggregation_->start(round);
  std::vector<double> seconds(chosen.size()), losses(chosen.size());
  std::vector<Sent> sent(chosen.size());
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
    sent[task] = train_client(context);
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
    all.push_back(
        {update.client, is_malicious(update.client), std::span(values).first(weights().size())});
  }
  if (!all.empty()) attack_->collude(all);
  for (const auto& held : result.held) aggregation_->add(held.update);
  return result;
}

double Server::learning_rate() const {
  const LocalTraining& training = config_.training;
  return training.learning_rate * std::pow(training.decay, last_.number);
}

Round Server::play_round() {
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
      algorithm_->apply(context, to_apply(aggregate));
      result.selected = aggregation_->selected();
      std::ranges::copy(training.buffers.result(), buffers().begin());
    }
  }
  for (auto& [client, state] : training.states) client_states_.keep(client, std::move(state));
  for (auto& [client, kept] : training.residuals) residuals_.keep(client, std::move(kept));

  result.number = last_.number + 1;
  result.chosen = static_cast<int>(chosen.size());
  result.ideal_seconds = last_.ideal_seconds + training.longest_seconds + applying.seconds();
  result.messages = config_.algorithm->is_federated ? last_.messages + 2 * clients_per_round_ : 0;
  result.excluded = std::move(training.excluded);
  const Evaluation evaluation = evaluate();
  result.accuracy = evaluation.accuracy;
  result.measures["Test loss"] = evaluation.loss;
  if (training.weight > 0) result.measures["Training loss"] = training.loss_sum / training.weight;
  result.measures.merge(client_measures(client_accuracies()));
  const bool sends = config_.algorithm->is_federated;
  result.measures["Bytes up"] =
      last_.measures["Bytes up"] + (sends ? static_cast<double>(training.bytes) : 0.0);
  result.measures["Bytes down"] =
      last_.measures["Bytes down"] +
      (sends ? static_cast<double>(bytes_to_client()) * clients_per_round_ : 0.0);
  result.measures.merge(aggregation_->measures());
  if (attack_ && attack_->target()) {
    const Evaluation triggered = evaluate(true);
    result.measures["Attack success"] = triggered.share_of(*attack_->target());
    result.measures["Triggered accuracy"] = triggered.accuracy;
  }
  result.seconds = last_.seconds + whole_round.seconds();
  last_ = result;
  return result;
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
                           has_trigger ? attack_.get() : nullptr);
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
