#include "pipeline/deferred_weights.h"

#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>

namespace pipeline {

namespace {

class Deferral {
 public:
  Deferral(const Placement& placement, int microbatches, const std::vector<Schedule>& lists,
           int most_held)
      : placement_(placement),
        microbatches_(microbatches),
        lists_(lists),
        most_held_(most_held),
        stages_(lists.size()),
        forwards_(static_cast<std::size_t>(placement.parts()) * microbatches, not_yet),
        backwards_(forwards_) {}

  std::vector<Schedule> run() {
    for (int now = 0; is_any_left(); ++now) {
      bool is_any_busy = false;
      for (std::size_t stage = 0; stage < lists_.size(); ++stage)
        if (const std::optional<Action> action = choose(stage, now)) {
          do_it(stage, *action, now + 1);
          is_any_busy = true;
        }
      if (!is_any_busy) throw std::invalid_argument("deferred weights: no stage can go on");
    }
    std::vector<Schedule> done;
    for (const Progress& stage : stages_) done.push_back(stage.done);
    return done;
  }

 private:
  static constexpr int not_yet = std::numeric_limits<int>::max();

  struct Progress {
    std::size_t next = 0;     // of its list
    Schedule backwards;       // done so far
    std::size_t weights = 0;  // how many of them have their weights
    int held = 0;
    Schedule done;
  };

  bool is_any_left() const {
    for (std::size_t stage = 0; stage < lists_.size(); ++stage)
      if (stages_[stage].done.size() * 2 < lists_[stage].size() * 3) return true;
    return false;
  }

  int& end_of(std::vector<int>& ends, int part, int microbatch) {
    return ends[static_cast<std::size_t>(part) * microbatches_ + microbatch];
  }

  std::optional<Action> choose(std::size_t stage, int now) {
    const Progress& progress = stages_[stage];
    if (progress.next < lists_[stage].size() && can_start(stage, now))
      return lists_[stage][progress.next];
    if (progress.weights == progress.backwards.size()) return std::nullopt;
    const Action& oldest = progress.backwards[progress.weights];
    return Action{Work::weights, oldest.microbatch, oldest.chunk};
  }

  bool can_start(std::size_t stage, int now) {
    const Action& action = lists_[stage][stages_[stage].next];
    const int part = placement_.part(static_cast<int>(stage), action.chunk);
    if (action.work == Work::forward)
      return stages_[stage].held < most_held_ &&
             (part == 0 || end_of(forwards_, part - 1, action.microbatch) <= now);
    return part + 1 == placement_.parts() ? end_of(forwards_, part, action.microbatch) <= now
                                          : end_of(backwards_, part + 1, action.microbatch) <= now;
  }

  void do_it(std::size_t stage, const Action& action, int end) {
    Progress& progress = stages_[stage];
    progress.done.push_back(action);
    if (action.work == Work::weights) {
      ++progress.weights;
      --progress.held;
      return;
    }
    ++progress.next;
    const int part = placement_.part(static_cast<int>(stage), action.chunk);
    if (action.work == Work::forward) {
      ++progress.held;
      end_of(forwards_, part, action.microbatch) = end;
    } else {
      progress.backwards.push_back(action);
      end_of(backwards_, part, action.microbatch) = end;
    }
  }

  const Placement& placement_;
  const int microbatches_;
  const std::vector<Schedule>& lists_;
  const int most_held_;
  std::vector<Progress> stages_;
  std::vector<int> forwards_, backwards_;  // when they end, [part][microbatch]
};

}  // namespace

std::vector<Schedule> with_deferred_weights(const Placement& placement, int microbatches,
                                            const std::vector<Schedule>& lists, int most_held) {
  return Deferral(placement, microbatches, lists, most_held).run();
}

}  // namespace pipeline
