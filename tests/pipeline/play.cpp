#include "tests/pipeline/play.h"

#include <algorithm>
#include <chrono>
#include <regex>
#include <sstream>
#include <string>

namespace pipeline {

using namespace std::chrono_literals;

namespace {

// From a fault to the end of a rank: a wait until the deadline, and the news; the longest freeze.
constexpr std::chrono::seconds longest_end = 14s, longest_freeze = 20s;

// The ranks that a message blames: "rank 2 is gone, ...", "ranks 1, 2 have done nothing for ...",
// "nothing came for ..., while ...; not connected: rank 2".
std::set<int> blamed(const std::string& message) {
  static const std::regex pattern(
      "^(?:nothing came .* not connected: |rank [0-9]+ waited .* for )?ranks? ([0-9]+(?:, "
      "[0-9]+)*)");
  std::smatch match;
  std::set<int> ranks;
  if (!std::regex_search(message, match, pattern)) return ranks;
  std::istringstream numbers(match[1]);
  for (std::string number; std::getline(numbers, number, ',');) ranks.insert(std::stoi(number));
  return ranks;
}

bool tells_of_the_end(const std::string& message) {
  return message.ends_with("the run has probably ended without it");
}

}  // namespace

Play::Play(const Start& start, SimulatedNetwork& network, SimulatedTraining& training,
           VirtualTime& time, const FaultyDisk& disk)
    : start_(start), network_(network), training_(training), time_(time), disk_(disk) {
  training.on_phase = [this](int rank, Phase phase) { looks_[rank] = {phase, 0}; };
  training.is_told_to_stop = [this](int rank, int steps) {
    return rank == start_.told_to_stop && steps >= start_.steps;
  };
  network.on_look = [this](int rank) { look(rank); };
}

bool Play::has_lost_power() const {
  return disk_.has_failed() && start_.disk_fault == FaultyDisk::Fault::power;
}

void Play::look(int rank) {
  auto& [phase, looks] = looks_[rank];
  for (const Fault& fault : start_.faults) {
    if (fault.rank != rank || fault.phase != phase || fault.look != looks) continue;
    // A process that was started again passes the same look once more.
    if (std::ranges::count(befallen_, fault) > 0) continue;
    fault.befall(network_);
    befallen_.push_back(fault);
    for (const int culprit : fault.culprits()) culprits_.insert(culprit);
    if (!fault.is_harmless() && !ended_) ended_ = time_.now();
  }
  ++looks;
  if (has_lost_power())
    for (const auto& [each, place] : looks_) network_.crash(each, true);
}

int Play::judge(const TrainingConfig& config, const std::vector<Ending>& endings) {
  if (config.is_elastic)
    judge_elastic(config, endings);
  else
    judge_fixed(endings);
  demand(network_.broken_promise.empty(), network_.broken_promise);
  demand(training_.contradiction.empty(), training_.contradiction);
  int steps = -1;
  bool are_done = true;
  for (const Ending& ending : endings) {
    are_done &= ending.how == Ending::done;
    if (ending.how != Ending::done || ending.steps == 0) continue;
    demand(steps < 0 || ending.steps == steps, "ranks stop after ", steps, " and ", ending.steps,
           " steps");
    steps = ending.steps;
  }
  return are_done || config.is_elastic ? steps : -1;
}

void Play::judge_fixed(const std::vector<Ending>& endings) {
  for (const Ending& ending : endings)
    if (ending.how == Ending::failed) {
      demand(may_fail(ending), "rank ", ending.rank, " failed: ", ending.message);
      culprits_.insert(ending.rank);
      ended_ = std::min(ended_.value_or(ending.time), ending.time);
    }
  for (const Ending& ending : endings) judge(ending);
}

// A process may fail because of its disk or folders, or if it was silent for so long that the run
// has ended without it and its folder is gone. It may lose hope, and all may lose their state, if a
// fault has befallen each pipeline, or any if a history says who trains.
void Play::judge_elastic(const TrainingConfig& config, const std::vector<Ending>& endings) const {
  std::set<int> hit;
  for (const Fault& fault : befallen_)
    if (!fault.is_harmless())
      for (const int culprit : fault.culprits())
        if (culprit < config.topology.ranks()) hit.insert(config.topology.pipeline(culprit));
  const bool has_plan = !training_.plan.empty();
  const bool are_all_hit =
      static_cast<int>(hit.size()) >= (has_plan ? 1 : config.topology.pipelines);
  demand(training_.steps_lost == 0 || are_all_hit || disk_.has_failed(),
         "without a reason the pipelines lost their state");
  for (const Ending& ending : endings) {
    demand(ending.how != Ending::hung, "rank ", ending.rank, " hangs");
    if (ending.how == Ending::failed)
      demand(may_fail(ending) || (was_silent(ending.rank) && tells_of_the_end(ending.message)),
             "rank ", ending.rank, " failed: ", ending.message);
    if (ending.how == Ending::lost_another)
      demand(are_all_hit || disk_.has_failed(), "without a reason rank ", ending.rank,
             " says: ", ending.message);
  }
}

bool Play::may_fail(const Ending& ending) const {
  const auto hides_folders = [&](const Fault& fault) {
    return fault.is_of_folders() && fault.rank == ending.rank;
  };
  return disk_.has_failed() || std::ranges::any_of(befallen_, hides_folders);
}

bool Play::was_silent(int rank) const {
  return std::ranges::any_of(befallen_, [rank](const Fault& fault) {
    return fault.rank == rank &&
           (fault.kind == kind_named("freezes") || fault.kind == kind_named("freezes for a while"));
  });
}

void Play::judge(const Ending& ending) const {
  const int rank = ending.rank;
  demand(ending.how != Ending::hung, "rank ", rank, " hangs");
  if (ending.how == Ending::lost_another) {
    demand(ended_.has_value(), "without a reason rank ", rank, " says: ", ending.message);
    const auto is_culprit = [this](int name) { return culprits_.contains(name); };
    demand(is_culprit(rank) || std::ranges::any_of(blamed(ending.message), is_culprit), "rank ",
           rank, " blames the wrong one: ", ending.message);
    const auto longest =
        longest_end + network_.suspended() +
        (is_culprit(rank) ? longest_freeze * static_cast<int>(befallen_.size()) : 0s);
    demand(ending.time - *ended_ < longest, "rank ", rank, " took ",
           std::chrono::duration<double>(ending.time - *ended_).count(), " s to end");
  }
}

}  // namespace pipeline
