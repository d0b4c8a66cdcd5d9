#include "tools/federated/runner.h"

#include <algorithm>
#include <cmath>

#include "nn/base/error.h"
#include "tools/federated/exclusions.h"
#include "tools/federated/results.h"
#include "tools/federated/target.h"

namespace federated {

// The number of the last round, given those played so far.
static int rounds_of(const Experiment& e, const std::vector<fl::Round>& rounds) {
  const auto reached = e.stops_at_target ? rounds_to(*e.target, rounds) : std::nullopt;
  return std::min(e.rounds, reached.value_or(e.rounds));
}

// The weights of a round before the last one are not kept, so it cannot be tested any more.
static void require_tested(const Experiment& e, const std::vector<fl::Round>& rounds) {
  if (std::ssize(rounds) <= e.rounds || !std::isnan(rounds[e.rounds - 1].accuracy)) return;
  throw nn::InputError(
      nn::concat("round ", e.rounds, " of the saved run was not tested"),
      nn::concat("choose a multiple of --test-every, or --rounds ", rounds.size(), " or more"));
}

bool Run::is_complete() const { return std::ssize(rounds) >= rounds_of(experiment, rounds); }

std::string identity_of(const Experiment& experiment, const data::Task& dataset) {
  return nn::concat(describe(experiment), ' ', dataset.name,
                    sizeof(nn::real) == 4 ? " in float" : " in double");
}

Runner::Entry& Runner::entry_of(const Experiment& experiment) {
  const std::string name = describe(experiment);
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  return found != entries_.end() ? *found
                                 : entries_.emplace_back(Entry{name, settled(experiment), {}});
}

void Runner::plan(const std::vector<Experiment>& experiments) {
  for (const Experiment& experiment : experiments) {
    validate(experiment, dataset_);
    Experiment& all = entry_of(experiment).experiment;
    all.rounds = std::max(all.rounds, experiment.rounds);
    all.stops_at_target &= experiment.stops_at_target && all.target == experiment.target;
  }
}

Run Runner::run(const Experiment& experiment) {
  plan({experiment});
  Entry& entry = entry_of(experiment);
  if (!is_stopped() && std::ssize(entry.rounds) < rounds_of(entry.experiment, entry.rounds))
    play(entry);
  Run run{settled(experiment), entry.rounds};
  run.rounds.resize(std::min<std::size_t>(rounds_of(experiment, run.rounds), run.rounds.size()));
  run.dataset = dataset_.name;
  if (run.rounds.size() == entry.rounds.size())
    run.confusion = entry.confusion;
  else if (experiment.attack_entry())
    say(nn::concat("note: there is no confusion matrix of round ", run.rounds.size(),
                   ": the saved run has gone on to round ", entry.rounds.size(), '\n'));
  return run;
}

void Runner::say(const std::string& line) {
  if (!options_.log) return;
  if (options_.bar) options_.bar->clear();
  *options_.log << line;
}

void Runner::play(Entry& entry) {
  const Experiment& e = entry.experiment;
  entry.rounds.clear();
  fl::Config config = config_of(e, dataset_.train);
  config.threads = options_.threads;
  const std::string identity = identity_of(e, dataset_);
  fl::Server server(std::move(config), dataset_.train, dataset_.test);
  const std::unique_ptr<fl::Executor> executor =
      options_.make_executor ? options_.make_executor(server, identity) : nullptr;
  if (executor) server.train_with(*executor);
  const auto show = [&](const std::string& detail) {
    if (options_.watch) options_.watch(entry.rounds, server);
    if (options_.bar)
      options_.bar->update(nn::concat(curve_name(e), " N=", e.clients, " C=", number(e.fraction)),
                           static_cast<int>(entry.rounds.size()), e.rounds, detail);
  };
  if (options_.bar) options_.bar->clear();  // there may be something to say
  const std::unique_ptr<SavedRun> saved =
      options_.open_saved ? options_.open_saved(identity) : nullptr;
  if (saved) entry.rounds = saved->restore(identity, server);
  require_tested(e, entry.rounds);
  std::string tested;
  show(tested);
  while (std::ssize(entry.rounds) < rounds_of(e, entry.rounds) && !is_stopped()) {
    const int number = static_cast<int>(entry.rounds.size()) + 1;
    const bool is_tested = number % e.test_every == 0;
    const fl::Round& round = entry.rounds.emplace_back(server.play_round(is_tested));
    if (!round.excluded.empty()) say(warning(entry.name, round));
    if (saved) saved->save(identity, entry.rounds, server);
    if (is_tested) tested = percent(round.accuracy) + " %";
    show(tested);
  }
  // After it was saved: if a longer run goes on from here, this round has no test, as if it had
  // been played in one go.
  if (std::ssize(entry.rounds) == e.rounds && std::isnan(entry.rounds.back().accuracy))
    server.test(entry.rounds.back());
  if (e.attack_entry() && !entry.rounds.empty()) entry.confusion = server.evaluate(true).confusion;
}

}  // namespace federated
