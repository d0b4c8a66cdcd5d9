#include "pipeline/deferred_weights.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>

namespace pipeline {

namespace {

class Deferral {
 public:
  Deferral(const Placement& placement, int microbatches, const std::vector<Schedule>& lists,
           int most_held, const StageCosts& costs)
      : placement_(placement),
        microbatches_(microbatches),
        lists_(lists),
        most_held_(most_held),
        costs_(costs),
        stages_(lists.size()),
        forwards_(static_cast<std::size_t>(placement.parts()) * microbatches, not_yet),
        backwards_(forwards_) {}

  std::vector<Schedule> run() {
    for (double now = 0; now < not_yet; now = next_end(now))
      while (act(now)) continue;
    std::vector<Schedule> done;
    for (std::size_t stage = 0; stage < lists_.size(); ++stage) {
      if (stages_[stage].next < lists_[stage].size())
        throw std::invalid_argument("deferred weights: a stage cannot go on");
      done.push_back(stages_[stage].done);
    }
    return done;
  }

 private:
  static constexpr double not_yet = std::numeric_limits<double>::infinity();

  struct Progress {
    std::size_t next = 0;     // of its list
    Schedule backwards;       // done so far
    std::size_t weights = 0;  // how many of them have their weights
    int held = 0;
    double free_from = 0;
    Schedule done;
  };

  // Whether any stage could begin an action.
  bool act(double now) {
    bool has_begun = false;
    for (std::size_t stage = 0; stage < lists_.size(); ++stage) {
      if (stages_[stage].free_from > now) continue;
      const std::optional<Action> action = choose(stage, now);
      if (!action) continue;
      begin(stage, *action, now);
      has_begun = true;
    }
    return has_begun;
  }

  double next_end(double now) const {
    double next = not_yet;
    for (const Progress& stage : stages_)
      if (stage.free_from > now) next = std::min(next, stage.free_from);
    return next;
  }

  double& end_of(std::vector<double>& ends, int part, int microbatch) {
    return ends[static_cast<std::size_t>(part) * microbatches_ + microbatch];
  }

  int part_of(std::size_t stage, const Action& action) const {
    return placement_.part(static_cast<int>(stage), action.chunk);
  }

  std::optional<Action> choose(std::size_t stage, double now) {
    const Progress& progress = stages_[stage];
    if (progress.next < lists_[stage].size() && can_begin(stage, now))
      return lists_[stage][progress.next];
    if (progress.weights == progress.backwards.size()) return std::nullopt;
    const Action& oldest = progress.backwards[progress.weights];
    return Action{Work::weights, oldest.microbatch, oldest.chunk};
  }

  bool can_begin(std::size_t stage, double now) {
    const Action& action = lists_[stage][stages_[stage].next];
    const int part = part_of(stage, action);
    if (action.work == Work::forward)
      return stages_[stage].held < most_held_ &&
             (part == 0 || end_of(forwards_, part - 1, action.microbatch) <= now);
    return part + 1 == placement_.parts() ? end_of(forwards_, part, action.microbatch) <= now
                                          : end_of(backwards_, part + 1, action.microbatch) <= now;
  }

  void begin(std::size_t stage, const Action& action, double now) {
    Progress& progress = stages_[stage];
    progress.done.push_back(action);
    progress.free_from = now + costs_[stage][action.chunk].of(action.work);
    if (action.work == Work::weights) {
      ++progress.weights;
      --progress.held;
      return;
    }
    ++progress.next;
    std::vector<double>& ends = action.work == Work::forward ? forwards_ : backwards_;
    end_of(ends, part_of(stage, action), action.microbatch) = progress.free_from;
    if (action.work == Work::forward)
      ++progress.held;
    else
      progress.backwards.push_back(action);
  }

  const Placement& placement_;
  const int microbatches_;
  const std::vector<Schedule>& lists_;
  const int most_held_;
  const StageCosts& costs_;
  std::vector<Progress> stages_;
  std::vector<double> forwards_, backwards_;  // when they end, [part][microbatch]
};

}  // namespace

std::vector<Schedule> with_deferred_weights(const Placement& placement, int microbatches,
                                            const std::vector<Schedule>& lists, int most_held,
                                            const StageCosts& costs) {
  return Deferral(placement, microbatches, lists, most_held, costs).run();
}

}  // namespace pipeline
