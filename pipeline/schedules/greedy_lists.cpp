#include "pipeline/schedules/greedy_lists.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace pipeline {

GreedyLists::GreedyLists(const Placement& placement, int microbatches,
                         const std::vector<Schedule>& lists, const StageCosts& costs)
    : placement_(placement),
      microbatches_(microbatches),
      lists_(lists),
      costs_(costs),
      stages_(lists.size()),
      forwards_(static_cast<std::size_t>(placement.parts()) * microbatches, not_yet),
      backwards_(forwards_) {}

std::vector<Schedule> GreedyLists::run(const char* what) {
  for (double now = 0; now < not_yet; now = next_end(now))
    while (act(now)) continue;
  std::vector<Schedule> done;
  for (int stage = 0; stage < placement_.stages(); ++stage) {
    if (next(stage)) throw std::invalid_argument(std::string(what) + ": a stage cannot go on");
    done.push_back(std::move(stages_[stage].done));
  }
  return done;
}

const Action* GreedyLists::next(int stage) const {
  const std::size_t next = stages_[stage].next;
  return next < lists_[stage].size() ? &lists_[stage][next] : nullptr;
}

// Whether any stage could begin an action.
bool GreedyLists::act(double now) {
  bool has_begun = false;
  for (int stage = 0; stage < placement_.stages(); ++stage) {
    Progress& progress = stages_[stage];
    if (progress.free_from > now) continue;
    const std::optional<Action> action = choose(stage, now);
    if (!action) continue;
    progress.free_from = now + costs_[stage][action->chunk].of(action->work);
    progress.done.push_back(*action);
    if (begun(stage, *action, progress.free_from)) ++progress.next;
    has_begun = true;
  }
  return has_begun;
}

double GreedyLists::next_end(double now) const {
  double next = not_yet;
  for (const Progress& stage : stages_)
    if (stage.free_from > now) next = std::min(next, stage.free_from);
  return next;
}

}  // namespace pipeline
