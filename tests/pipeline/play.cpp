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
      "^(?:nothing came .* not connected: )?ranks? ([0-9]+(?:, [0-9]+)*)");
  std::smatch match;
  std::set<int> ranks;
  if (!std::regex_search(message, match, pattern)) return ranks;
  std::istringstream numbers(match[1]);
  for (std::string number; std::getline(numbers, number, ',');) ranks.insert(std::stoi(number));
  return ranks;
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
    fault.befall(network_);
    befallen_.push_back(fault);
    for (const int culprit : fault.culprits()) culprits_.insert(culprit);
    if (!fault.is_harmless() && !ended_) ended_ = time_.now();
  }
  ++looks;
  if (has_lost_power())
    for (const auto& [each, place] : looks_) network_.crash(each, true);
}

int Play::judge(const std::vector<Ending>& endings) {
  for (const Ending& ending : endings)
    if (ending.how == Ending::failed) {
      const int rank = static_cast<int>(&ending - endings.data());
      demand(disk_.has_failed(), "rank ", rank, " failed: ", ending.message);
      culprits_.insert(rank);
      ended_ = std::min(ended_.value_or(ending.time), ending.time);
    }
  for (std::size_t rank = 0; rank < endings.size(); ++rank)
    judge(static_cast<int>(rank), endings[rank]);
  demand(network_.broken_promise.empty(), network_.broken_promise);
  demand(training_.contradiction.empty(), training_.contradiction);
  int steps = -1;
  for (const Ending& ending : endings) {
    if (ending.how != Ending::done) continue;
    demand(steps < 0 || ending.steps == steps, "ranks stop after ", steps, " and ", ending.steps,
           " steps");
    steps = ending.steps;
  }
  return std::ranges::all_of(endings, [](const Ending& e) { return e.how == Ending::done; }) ? steps
                                                                                             : -1;
}

void Play::judge(int rank, const Ending& ending) const {
  demand(ending.how != Ending::hung, "rank ", rank, " hangs");
  if (ending.how == Ending::lost_another) {
    demand(ended_.has_value(), "without a reason rank ", rank, " says: ", ending.message);
    const auto is_culprit = [this](int name) { return culprits_.contains(name); };
    demand(is_culprit(rank) || std::ranges::any_of(blamed(ending.message), is_culprit), "rank ",
           rank, " blames the wrong one: ", ending.message);
    demand(ending.time - *ended_ < longest_end + (is_culprit(rank) ? longest_freeze : 0s), "rank ",
           rank, " took ", std::chrono::duration<double>(ending.time - *ended_).count(),
           " s to end");
  }
}

}  // namespace pipeline
