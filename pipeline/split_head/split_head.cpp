#include "pipeline/split_head/split_head.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "pipeline/schedules/greedy_lists.h"

namespace pipeline {

namespace {

class Insertion : public GreedyLists {
 public:
  Insertion(const Plan& plan, const StageCosts& costs)
      : GreedyLists(plan.placement, plan.microbatches, plan.stages, costs),
        stages_(plan.stages.size()),
        scores_done_(plan.microbatches),
        scores_left_(plan.microbatches, placement_.stages()) {
    for (Progress& stage : stages_) stage.has_scores.resize(plan.microbatches);
  }

 private:
  struct Progress {
    std::vector<bool> has_scores;
    int scores = 0, heads = 0;  // done so far
  };

  std::optional<Action> choose(int stage, double now) override {
    const Progress& progress = stages_[stage];
    const int last = placement_.parts() - 1;
    for (int m = 0; m < microbatches_; ++m)
      if (!progress.has_scores[m] && forward_end(last, m) <= now) return Action{Work::scores, m};
    const int oldest = progress.heads;
    const bool has_head = oldest < microbatches_ && backward_end(last, oldest) <= now;
    const Action head{Work::head, oldest};
    if (has_head && progress.scores - progress.heads >= placement_.stages()) return head;
    const Action* const action = next(stage);
    if (action && can_begin(stage, *action, now)) return *action;
    return has_head ? std::optional(head) : std::nullopt;
  }

  bool can_begin(int stage, const Action& action, double now) {
    const int part = part_of(stage, action), m = action.microbatch;
    if (action.work == Work::forward) return part == 0 || forward_end(part - 1, m) <= now;
    if (action.work != Work::backward) return true;
    return part + 1 == placement_.parts() ? scores_left_[m] == 0 && scores_done_[m] <= now
                                          : backward_end(part + 1, m) <= now;
  }

  bool begun(int stage, const Action& action, double end) override {
    Progress& progress = stages_[stage];
    const int part = part_of(stage, action), m = action.microbatch;
    if (action.work == Work::scores) {
      progress.has_scores[m] = true;
      ++progress.scores;
      --scores_left_[m];
      scores_done_[m] = std::max(scores_done_[m], end);
    } else if (action.work == Work::head) {
      ++progress.heads;
    } else if (action.work == Work::forward) {
      forward_end(part, m) = end;
    } else if (action.work == Work::backward) {
      backward_end(part, m) = end;
    }
    return action.work != Work::scores && action.work != Work::head;
  }

  std::vector<Progress> stages_;
  std::vector<double> scores_done_;  // of each microbatch, when the last of them ends
  std::vector<int> scores_left_;     // that have not begun
};

}  // namespace

Plan with_split_head(const Plan& plan, const StageCosts& costs) {
  return {plan.placement, plan.microbatches, Insertion(plan, costs).run("split head"), true};
}

void share_head(StageCosts& costs, const Costs& head) {
  const double stages = static_cast<double>(costs.size());
  for (std::vector<Costs>& stage : costs) {
    stage[0].scores = (head.forward + head.backward) / stages;
    stage[0].head = head.weights / stages;
  }
}

Plan plan_with_split_head(const ScheduleEntry& entry, int stages, int microbatches, int chunks,
                          const StageCosts& costs) {
  Plan longer = entry.plan(stages + 1, microbatches, chunks);
  longer.stages.pop_back();
  return with_split_head({entry.place(stages, chunks), microbatches, std::move(longer.stages)},
                         costs);
}

}  // namespace pipeline
