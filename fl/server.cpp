#include "fl/server.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "fl/clocks.h"
#include "fl/defences.h"
#include "fl/held_out.h"
#include "fl/noisy_examples.h"
#include "fl/parallel.h"
#include "fl/testing.h"
#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/blas.h"
#include "nn/optimizer.h"

namespace fl {

void check_choices(const Config& config) {
  check_options(option_users(config), config.options);
  check_clock(config);
  if (config.defence && config.defence->check)
    config.defence->check(
        config, updates_per_round(config, clients_per_round(config.clients, config.fraction)));
}

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
      clients_per_round_(fl::clients_per_round(config_.clients, config_.fraction)) {
  nn::require(config_.threads > 0, "server: ", config_.threads, " threads");
  check_choices(config_);
  nn::Generator generator(config_.seed);
  model_ = config_.make_model(generator);
  algorithm_ = config_.algorithm->make(config_, weights().size());
  aggregation_ =
      config_.defence ? config_.defence->make(config_) : std::make_unique<WeightedMean>();
  sender_ = std::make_unique<Sender>(config_, model_->parameters(), train_);
  schedule_ = make_schedule();
  const int workers = std::min(
      config_.threads, std::max(updates_per_round(config_, clients_per_round_), test_parts(test_)));
  nn::blas::reserve(workers);
  for (int i = 0; i < workers; ++i)
    workers_.emplace_back(config_.make_model, config_.dropout, &idle_);
}

void Server::resume(const Round& last) {
  nn::require(last_.number == 0, "server: it has already played ", last_.number, " rounds");
  for (int round = 0; round < last.number; ++round) schedule_->next();  // moves the draws on
  last_ = last;
  for (int version : schedule_->versions_in_flight()) received(version);  // or throws
}

std::unique_ptr<Schedule> Server::make_schedule() const {
  if (!config_.clock)
    return std::make_unique<Rounds>(config_.clients, clients_per_round_, config_.seed);
  const auto [numbers, trainings] = algorithm_->cost(model_->parameters().values().size());
  Work work{{}, bytes_to_client(), bytes_of(numbers + averaged_buffers())};
  for (const auto& samples : samples_) {
    const auto count = static_cast<int>(samples.size());
    work.samples.push_back(trainings * (config_.algorithm->is_full_batch
                                            ? count
                                            : samples_trained(config_.training, count)));
  }
  return config_.clock->make(config_, World(config_, std::move(work)), clients_per_round_);
}

Received Server::received(int version) const {
  const nn::Parameters& parameters = model_->parameters();
  if (version == last_.number)
    return {parameters.values(), parameters.buffers(), algorithm_->broadcast()};
  return versions_.of(version, parameters.values().size(), parameters.buffers().size());
}

int Server::weight_of(int client) const {
  const int samples = static_cast<int>(samples_[client].size());
  return config_.algorithm->weighting == Weighting::by_samples ? samples : samples > 0;
}

Server::Kept Server::kept_by(int client, std::span<const nn::real> server_buffers) const {
  Kept kept{client_states_.of(client), {}, server_buffers};
  kept.state = kept.all;
  if (config_.buffers == Buffers::averaged || kept.all.empty()) return kept;
  const std::size_t size = kept.all.size(), buffers = kept.buffers.size();
  nn::require(size >= buffers, "server: client ", client, " has kept ", size,
              " numbers, fewer than its model has buffers");
  kept.buffers = kept.state.last(buffers);
  kept.state = kept.state.first(size - buffers);
  return kept;
}

std::vector<nn::real> Server::to_keep(const Kept& before, std::span<const nn::real> state,
                                      std::span<const nn::real> buffers) const {
  if (config_.buffers == Buffers::averaged) return {state.begin(), state.end()};
  if (state.empty()) state = before.state;
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

Server::Training Server::train(const std::vector<Turn>& turns, Schedule& schedule) {
  Training result;
  const Attack* attack = sender_->attack();
  const bool holds = attack && attack->colludes();
  int round_weight = 0;
  for (const Turn& turn : turns) round_weight += weight_of(turn.client);

  const int round = last_.number;
  aggregation_->start(round);
  std::vector<double> seconds(turns.size()), losses(turns.size());
  std::vector<Sender::Sent> sent(turns.size());
  std::vector<Kept> all_kept(turns.size());
  const auto train_task = [&](ClientWorker& worker, int task) {
    const double start = nn::thread_seconds() + worker.helped_seconds();
    const Turn& turn = turns[task];
    const int client = turn.client;
    if (samples_[client].empty() || turn.drops_out) return;
    nn::Generator generator(config_.seed + client + 1 +
                            static_cast<std::uint64_t>(turn.start) * clients_per_round_);
    const Received server = received(turn.version);
    std::ranges::copy(server.weights, worker.weights().begin());
    const Kept& kept = all_kept[task] = kept_by(client, server.buffers);
    std::ranges::copy(kept.buffers, worker.buffers().begin());
    LocalTraining training = config_.training;
    training.learning_rate = learning_rate(turn.version);
    ClientContext context{.client = client,
                          .round = turn.version,
                          .examples = train_,
                          .samples = samples_[client],
                          .training = training,
                          .generator = generator,
                          .worker = worker,
                          .server_weights = server.weights,
                          .broadcast = server.broadcast,
                          .state = kept.state};
    sent[task] = sender_->train(*algorithm_, context);
    sent[task].bytes += bytes_of(averaged_buffers());
    losses[task] = context.loss_sum / std::max(1, context.batches);
    seconds[task] = nn::thread_seconds() + worker.helped_seconds() - start;
  };
  const auto take_update = [&](ClientWorker& worker, int task) {
    const int client = turns[task].client;
    const Kept kept = std::move(all_kept[task]);  // and no longer in memory
    const auto& [values, state] = sent[task].update;
    result.bytes += sent[task].bytes;
    const bool sends = !values.empty();
    const bool is_in_time = sends && schedule.is_in_time(turns[task], sent[task].bytes);
    if (turns[task].drops_out) {
      result.excluded.push_back({client, "it dropped out"});
    } else if (!sends) {
      result.excluded.push_back({client, "it has no samples"});
    } else if (!sent[task].is_finite() || !nn::all_finite(worker.buffers())) {
      result.excluded.push_back({client, "its update is not finite"});
    } else if (!is_in_time) {
      result.excluded.push_back({client, "it missed the deadline"});
    } else {
      if (turns[task].factor != 1)
        for (nn::real& change : values.first(weights().size()))
          change *= static_cast<nn::real>(turns[task].factor);
      const ClientUpdate update{client, values, weight_of(client), round_weight};
      if (holds)
        result.held.push_back({update, {values.begin(), values.end()}});
      else
        aggregation_->add(update);
      result.buffers.add({client, worker.buffers(), weight_of(client), round_weight});
      if (std::vector keep = to_keep(kept, state, worker.buffers()); !keep.empty())
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
  ordered_parallel(workers_, static_cast<int>(turns.size()), train_task, take_update,
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

double Server::learning_rate(int round) const {
  return config_.training.learning_rate * std::pow(config_.training.decay, round);
}

Round Server::play_round(bool is_tested) {
  const nn::Stopwatch whole_round;
  std::unique_ptr<Schedule> schedule = schedule_->clone();
  const std::vector<Turn> turns = schedule->next();
  Training training = train(turns, *schedule);
  schedule_ = std::move(schedule);
  versions_.update(schedule_->versions_in_flight(), last_.number, received(last_.number));

  Round result;
  const nn::Stopwatch applying;
  if (training.participants > 0) {
    const std::span<const nn::real> aggregate = aggregation_->result();
    for (const Exclusion& lost : aggregation_->excluded()) training.exclude(lost);
    if (!aggregate.empty()) {
      ServerContext context{weights(), last_.number, config_.clients, training.participants,
                            learning_rate(last_.number)};
      algorithm_->apply(context, sender_->received(aggregate, weights()));
      result.selected = aggregation_->selected();
      std::ranges::copy(training.buffers.result(), buffers().begin());
    }
  }
  for (auto& [client, state] : training.states) client_states_.keep(client, std::move(state));
  for (auto& [client, kept] : training.residuals)
    sender_->residuals().keep(client, std::move(kept));

  result.number = last_.number + 1;
  result.chosen = static_cast<int>(turns.size());
  result.ideal_seconds = last_.ideal_seconds + training.longest_seconds + applying.seconds();
  const bool sends = config_.algorithm->is_federated;
  if (sends)
    result.messages =
        last_.messages + 2 * result.chosen - std::ranges::count(turns, true, &Turn::drops_out);
  result.excluded = std::move(training.excluded);
  if (training.weight > 0) result.measures["Training loss"] = training.loss_sum / training.weight;
  result.measures["Bytes up"] =
      last_.measures["Bytes up"] + (sends ? static_cast<double>(training.bytes) : 0.0);
  result.measures["Bytes down"] =
      last_.measures["Bytes down"] +
      (sends ? static_cast<double>(bytes_to_client()) * result.chosen : 0.0);
  if (const auto seconds = schedule_->seconds())
    result.measures[simulated_seconds] = last_.measures[simulated_seconds] + *seconds;
  result.measures.merge(schedule_->measures());
  result.measures.merge(aggregation_->measures());
  result.accuracy = std::numeric_limits<double>::quiet_NaN();
  result.seconds = last_.seconds + whole_round.seconds();
  if (is_tested) test(result);
  last_ = result;
  return result;
}

void Server::test(Round& newest) {
  const nn::Stopwatch test;
  const Evaluation evaluation = evaluate();
  newest.accuracy = evaluation.accuracy;
  newest.measures["Test loss"] = evaluation.loss;
  newest.measures.merge(class_measures(evaluation));
  newest.measures.merge(client_measures(client_accuracies()));
  if (const Attack* attack = sender_->attack(); attack && attack->target()) {
    const Evaluation triggered = evaluate(true);
    newest.measures["Attack success"] = triggered.share_of(*attack->target());
    newest.measures["Triggered accuracy"] = triggered.accuracy;
  }
  newest.seconds += test.seconds();
}

std::int64_t Server::bytes_to_client() const {
  return bytes_of(model_->parameters().values().size() + algorithm_->broadcast().size() +
                  averaged_buffers());
}

std::size_t Server::averaged_buffers() const {
  return config_.buffers == Buffers::averaged ? model_->parameters().buffers().size() : 0;
}

Evaluation Server::evaluate(bool has_trigger) {
  return test_model(workers_, model_->parameters(), test_,
                    has_trigger ? sender_->attack() : nullptr);
}

std::vector<double> Server::client_accuracies() {
  return test_clients(workers_, train_, held_out_, [this](int client, ClientWorker& worker) {
    const Kept kept = kept_by(client, buffers());
    std::ranges::copy(weights(), worker.weights().begin());
    std::ranges::copy(kept.buffers, worker.buffers().begin());
    algorithm_->personalise(kept.state, worker.weights(), worker.buffers());
  });
}

}  // namespace fl
