#include "fl/server.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "fl/clocks/clocks.h"
#include "fl/defences/defences.h"
#include "fl/evaluation/held_out.h"
#include "fl/evaluation/testing.h"
#include "fl/splits/noisy_examples.h"
#include "nn/base/error.h"
#include "nn/base/stopwatch.h"

namespace fl {

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
  threads_ = std::make_unique<ThreadExecutor>(
      config_.make_model, config_.dropout, config_.precision,
      std::min(config_.threads,
               std::max(updates_per_round(config_, clients_per_round_), test_parts(test_))),
      [this](const Assignment& assignment, ClientWorker& worker) {
        return do_assignment(assignment, worker);
      });
  executor_ = threads_.get();
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

Kept Server::kept_by(int client, std::span<const nn::real> server_buffers) const {
  return {client_states_.of(client), config_.buffers, server_buffers};
}

Assignment Server::assign(const Turn& turn) const {
  Assignment assignment{.client = turn.client,
                        .round = turn.version,
                        .seed = config_.seed + turn.client + 1 +
                                static_cast<std::uint64_t>(turn.start) * clients_per_round_,
                        .learning_rate = learning_rate(turn.version),
                        .received = received(turn.version),
                        .state = {},
                        .residual = {}};
  if (config_.compression) assignment.residual = sender_->residuals().of(turn.client);
  return assignment;
}

Trained Server::do_assignment(const Assignment& assignment, ClientWorker& worker) const {
  if (!assignment.test) return train_client(assignment, worker);
  return do_part(assignment, worker, test_,
                 assignment.test->has_trigger ? sender_->attack() : nullptr);
}

Trained Server::train_client(const Assignment& assignment, ClientWorker& worker) const {
  worker.load(assignment.received);
  const double start = nn::thread_seconds() + worker.helped_seconds();
  nn::Generator generator(assignment.seed);
  LocalTraining training = config_.training;
  training.learning_rate = assignment.learning_rate;
  ClientContext context{.client = assignment.client,
                        .round = assignment.round,
                        .examples = train_,
                        .samples = samples_.at(assignment.client),
                        .training = training,
                        .generator = generator,
                        .worker = worker,
                        .server_weights = assignment.received.weights,
                        .broadcast = assignment.received.broadcast,
                        .state = assignment.state};
  Trained trained = sender_->train(*algorithm_, context, assignment.residual);
  trained.buffers = worker.buffers();
  trained.bytes += bytes_of(averaged_buffers());
  trained.loss = context.loss_sum / std::max(1, context.batches);
  trained.seconds = nn::thread_seconds() + worker.helped_seconds() - start;
  return trained;
}

// Why the server does not use what a client has sent; null: it does. A client that sends nothing
// does not ask whether it is in time.
static const char* fault_of(const Turn& turn, const Trained& trained, Schedule& schedule) {
  if (turn.drops_out) return "it dropped out";
  if (trained.values.empty()) return "it has no samples";
  const bool is_in_time = schedule.is_in_time(turn, trained.bytes);
  if (!trained.is_finite()) return "its update is not finite";
  return is_in_time ? nullptr : "it missed the deadline";
}

Collected Server::train(const std::vector<Turn>& turns, Schedule& schedule) {
  Collected collected;
  int round_weight = 0;
  for (const Turn& turn : turns) round_weight += weight_of(turn.client);
  // A private sum has everything in it, so that the server sees no extra number either.
  const std::size_t extra =
      config_.defence && config_.defence->is_private ? 0 : config_.algorithm->extra_numbers;
  aggregation_->start(last_.number);
  std::vector<std::optional<Kept>> all_kept(turns.size());
  const auto assign_turn = [&](int number) -> std::optional<Assignment> {
    const Turn& turn = turns[number];
    if (samples_[turn.client].empty() || turn.drops_out) return {};
    Assignment assignment = assign(turn);
    const Kept& kept = all_kept[number].emplace(kept_by(turn.client, assignment.received.buffers));
    assignment.received.buffers = kept.buffers;
    assignment.state = kept.state;
    return assignment;
  };
  const auto take_update = [&](int number, Trained& trained) {
    const Turn& turn = turns[number];
    const std::optional<Kept> kept = std::move(all_kept[number]);
    all_kept[number].reset();  // no longer in memory
    collected.longest_seconds = std::max(collected.longest_seconds, trained.seconds);
    collected.bytes += trained.bytes;
    if (const char* fault = fault_of(turn, trained, schedule))
      return collected.excluded.push_back({turn.client, fault});
    if (turn.factor != 1)
      for (nn::real& change : trained.values.first(weights().size()))
        change *= static_cast<nn::real>(turn.factor);
    const std::span<nn::real> aggregated = trained.values.first(trained.values.size() - extra);
    collected.add({turn.client, aggregated, weight_of(turn.client), round_weight}, trained,
                  kept->after(trained.state, trained.buffers), *aggregation_, sender_->attack());
  };
  executor_->train(static_cast<int>(turns.size()), assign_turn, take_update);
  collected.collude(*sender_, weights().size(), *aggregation_);
  return collected;
}

double Server::learning_rate(int round) const {
  return config_.training.learning_rate * std::pow(config_.training.decay, round);
}

Round Server::play_round(bool is_tested) {
  const nn::Stopwatch whole_round;
  std::unique_ptr<Schedule> schedule = schedule_->clone();
  const std::vector<Turn> turns = schedule->next();
  Collected collected = train(turns, *schedule);
  schedule_ = std::move(schedule);
  versions_.update(schedule_->versions_in_flight(), last_.number, received(last_.number));

  const nn::Stopwatch applying;
  std::vector<int> selected = apply(collected);
  const double ideal_seconds = collected.longest_seconds + applying.seconds();
  Round round = summary(turns, std::move(collected));
  round.selected = std::move(selected);
  round.ideal_seconds = last_.ideal_seconds + ideal_seconds;
  round.seconds = last_.seconds + whole_round.seconds();
  last_ = std::move(round);
  if (is_tested) test(last_);
  return last_;
}

// Moves the model and keeps what clients keep. Returns the clients that a defence has chosen.
std::vector<int> Server::apply(Collected& collected) {
  std::vector<int> selected;
  if (collected.participants > 0) {
    const std::span<const nn::real> aggregate = aggregation_->result();
    for (const Exclusion& lost : aggregation_->excluded()) collected.forget(lost);
    if (!aggregate.empty()) {
      ServerContext context{weights(), last_.number, config_.clients, collected.participants,
                            learning_rate(last_.number)};
      algorithm_->apply(context, sender_->received(aggregate, collected.extra.result(), weights()));
      selected = aggregation_->selected();
      std::ranges::copy(collected.buffers.result(), buffers().begin());
    }
  }
  for (auto& [client, state] : collected.states) client_states_.keep(client, std::move(state));
  for (auto& [client, kept] : collected.residuals)
    sender_->residuals().keep(client, std::move(kept));
  return selected;
}

// The round after the last one, without its times and its test.
Round Server::summary(const std::vector<Turn>& turns, Collected collected) {
  Round round;
  round.number = last_.number + 1;
  round.chosen = static_cast<int>(turns.size());
  round.accuracy = std::numeric_limits<double>::quiet_NaN();
  round.excluded = std::move(collected.excluded);
  double bytes_up = 0, bytes_down = 0;
  if (config_.algorithm->is_federated) {
    round.messages =
        last_.messages + 2 * round.chosen - std::ranges::count(turns, true, &Turn::drops_out);
    bytes_up = static_cast<double>(collected.bytes);
    bytes_down = static_cast<double>(bytes_to_client()) * round.chosen;
  }
  if (collected.weight > 0) round.measures["Training loss"] = collected.loss_sum / collected.weight;
  round.measures["Bytes up"] = last_.measures["Bytes up"] + bytes_up;
  round.measures["Bytes down"] = last_.measures["Bytes down"] + bytes_down;
  if (const auto seconds = schedule_->seconds())
    round.measures[simulated_seconds] = last_.measures[simulated_seconds] + *seconds;
  round.measures.merge(schedule_->measures());
  round.measures.merge(aggregation_->measures());
  return round;
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
  return test_model(*executor_, received(last_.number), last_.number, test_, has_trigger);
}

std::vector<double> Server::client_accuracies() {
  std::vector<std::vector<int>> honest = held_out_;
  for (int client : malicious()) honest[client].clear();
  return test_clients(threads_->workers(), train_, honest,
                      [this](int client, ClientWorker& worker) {
                        const Kept kept = kept_by(client, buffers());
                        worker.load({weights(), kept.buffers, {}});
                        algorithm_->personalise(kept.state, worker.weights(), worker.buffers());
                      });
}

}  // namespace fl
