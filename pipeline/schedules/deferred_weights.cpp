#include "pipeline/schedules/deferred_weights.h"

#include <cstddef>
#include <optional>

#include "pipeline/schedules/greedy_lists.h"

namespace pipeline {

namespace {

class Deferral : public GreedyLists {
 public:
  Deferral(const Placement& placement, int microbatches, const std::vector<Schedule>& lists,
           const std::vector<Room>& rooms, const StageCosts& costs)
      : GreedyLists(placement, microbatches, lists, costs), rooms_(rooms), stages_(lists.size()) {}

 private:
  struct Progress {
    Schedule backwards;       // done so far
    std::size_t weights = 0;  // how many of them have their weights
    double held = 0;
  };

  std::optional<Action> choose(int stage, double now) override {
    const Action* const action = next(stage);
    if (action && can_begin(stage, *action, now)) return *action;
    const Progress& progress = stages_[stage];
    if (progress.weights == progress.backwards.size()) return std::nullopt;
    const Action& oldest = progress.backwards[progress.weights];
    return Action{Work::weights, oldest.microbatch, oldest.chunk};
  }

  bool can_begin(int stage, const Action& action, double now) {
    const int part = part_of(stage, action), m = action.microbatch;
    if (action.work == Work::forward)
      return rooms_[stage].fits(stages_[stage].held + rooms_[stage].sizes[action.chunk]) &&
             (part == 0 || forward_end(part - 1, m) <= now);
    return part + 1 == placement_.parts() ? forward_end(part, m) <= now
                                          : backward_end(part + 1, m) <= now;
  }

  bool begun(int stage, const Action& action, double end) override {
    Progress& progress = stages_[stage];
    const int part = part_of(stage, action);
    if (action.work == Work::weights) {
      ++progress.weights;
      progress.held -= rooms_[stage].sizes[action.chunk];
      return false;
    }
    if (action.work == Work::forward) {
      forward_end(part, action.microbatch) = end;
      progress.held += rooms_[stage].sizes[action.chunk];
    } else {
      backward_end(part, action.microbatch) = end;
      progress.backwards.push_back(action);
    }
    return true;
  }

  const std::vector<Room>& rooms_;
  std::vector<Progress> stages_;
};

}  // namespace

std::vector<Schedule> with_deferred_weights(const Placement& placement, int microbatches,
                                            const std::vector<Schedule>& lists,
                                            const std::vector<Room>& rooms,
                                            const StageCosts& costs) {
  return Deferral(placement, microbatches, lists, rooms, costs).run("deferred weights");
}

}  // namespace pipeline
