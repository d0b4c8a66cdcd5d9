#include "pipeline/split_head.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace pipeline {

namespace {

// Simulates the lists and lets each stage that is free choose what to do.
class Insertion {
 public:
  Insertion(const Plan& plan, const StageCosts& costs)
      : plan_(plan),
        placement_(plan.placement),
        costs_(costs),
        stages_(plan.stages.size()),
        forwards_(static_cast<std::size_t>(placement_.parts()) * plan.microbatches, not_yet),
        backwards_(forwards_),
        scores_done_(plan.microbatches),
        scores_left_(plan.microbatches, placement_.stages()) {
    for (Progress& stage : stages_) stage.has_scores.resize(plan.microbatches);
  }

  Plan run() {
    for (double now = 0; now < not_yet; now = next_end(now))
      while (act(now)) continue;
    Plan result{placement_, plan_.microbatches, {}, true};
    for (std::size_t stage = 0; stage < stages_.size(); ++stage) {
      if (stages_[stage].next < plan_.stages[stage].size())
        throw std::invalid_argument("split head: a stage cannot go on");
      result.stages.push_back(std::move(stages_[stage].done));
    }
    return result;
  }

 private:
  static constexpr double not_yet = std::numeric_limits<double>::infinity();

  struct Progress {
    std::size_t next = 0;  // of its list
    std::vector<bool> has_scores;
    int scores = 0, heads = 0;  // done so far
    double free_from = 0;
    Schedule done;
  };

  // Whether any stage could begin an action.
  bool act(double now) {
    bool has_begun = false;
    for (int stage = 0; stage < placement_.stages(); ++stage) {
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
    return ends[static_cast<std::size_t>(part) * plan_.microbatches + microbatch];
  }

  std::optional<Action> choose(int stage, double now) {
    const Progress& progress = stages_[stage];
    const int last = placement_.parts() - 1;
    for (int m = 0; m < plan_.microbatches; ++m)
      if (!progress.has_scores[m] && end_of(forwards_, last, m) <= now)
        return Action{Work::scores, m};
    const int oldest = progress.heads;
    const bool has_head = oldest < plan_.microbatches && end_of(backwards_, last, oldest) <= now;
    const Action head{Work::head, oldest};
    if (has_head && progress.scores - progress.heads >= placement_.stages()) return head;
    if (progress.next < plan_.stages[stage].size() && can_begin(stage, now))
      return plan_.stages[stage][progress.next];
    return has_head ? std::optional(head) : std::nullopt;
  }

  bool can_begin(int stage, double now) {
    const Action& action = plan_.stages[stage][stages_[stage].next];
    const int part = placement_.part(stage, action.chunk), m = action.microbatch;
    if (action.work == Work::forward) return part == 0 || end_of(forwards_, part - 1, m) <= now;
    if (action.work != Work::backward) return true;
    return part + 1 == placement_.parts() ? scores_left_[m] == 0 && scores_done_[m] <= now
                                          : end_of(backwards_, part + 1, m) <= now;
  }

  void begin(int stage, const Action& action, double now) {
    Progress& progress = stages_[stage];
    const int part = placement_.part(stage, action.chunk), m = action.microbatch;
    const double end = now + costs_[stage][action.chunk].of(action.work);
    progress.done.push_back(action);
    progress.free_from = end;
    if (action.work == Work::scores) {
      progress.has_scores[m] = true;
      ++progress.scores;
      --scores_left_[m];
      scores_done_[m] = std::max(scores_done_[m], end);
    } else if (action.work == Work::head) {
      ++progress.heads;
    } else {
      ++progress.next;
      if (action.work == Work::forward) end_of(forwards_, part, m) = end;
      if (action.work == Work::backward) end_of(backwards_, part, m) = end;
    }
  }

  const Plan& plan_;
  const Placement& placement_;
  const StageCosts& costs_;
  std::vector<Progress> stages_;
  std::vector<double> forwards_, backwards_;  // when they end, [part][microbatch]
  std::vector<double> scores_done_;           // of each microbatch, when the last of them ends
  std::vector<int> scores_left_;              // that have not begun
};

}  // namespace

Plan with_split_head(const Plan& plan, const StageCosts& costs) {
  return Insertion(plan, costs).run();
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
