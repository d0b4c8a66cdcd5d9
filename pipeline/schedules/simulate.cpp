#include "pipeline/schedules/simulate.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

namespace pipeline {
namespace {

constexpr double never = -1;

std::string text(int number) { return std::to_string(number); }

// What an action gets from the one that produces its input.
const char* name_of_product(Work work) {
  return std::array{"activation", "gradient", "", "scores", ""}[static_cast<std::size_t>(work)];
}

class Simulation {
 public:
  Simulation(const Plan& plan, const StageCosts& costs, double message_time)
      : schedules_(plan.stages),
        placement_(plan.placement),
        costs_(costs),
        stages_(placement_.stages()),
        microbatches_(plan.microbatches),
        chunks_(placement_.chunks()),
        message_time_(message_time),
        splits_head_(plan.splits_head),
        position_(stages_) {
    require_costs();
    ends_.assign(kinds_of_work * placement_.parts() * microbatches_, never);
    require_lists(plan);
  }

  Timeline run(double cores) {
    for (const Schedule& schedule : schedules_)
      timeline_.stages.emplace_back().reserve(schedule.size());
    if (cores > 0 && cores < stages_)
      run_sharing(cores);
    else
      run_freely();
    for (int stage = 0; stage < stages_; ++stage)
      if (!is_done(stage)) throw BadSchedule(describe_cycle(stage));
    return std::move(timeline_);
  }

 private:
  int part_of(int stage, const Action& action) const {
    return placement_.part(stage, action.chunk);
  }
  bool is_done(int stage) const { return position_[stage] == schedules_[stage].size(); }
  const Action& next(int stage) const { return schedules_[stage][position_[stage]]; }

  // Scores and head have the part that is their stage's first chunk.
  double& end_of(Work work, int microbatch, int part) {
    return ends_[(static_cast<int>(work) * placement_.parts() + part) * microbatches_ + microbatch];
  }

  // Work of the same microbatch, by a part of the model.
  struct Source {
    Work work;
    int part;
  };

  // Calls f(source) for everything whose output the action takes.
  template <class F>
  void each_source(int stage, const Action& action, F f) const {
    const int part = part_of(stage, action), last = placement_.parts() - 1;
    switch (action.work) {
      case Work::forward:
        if (part > 0) f(Source{Work::forward, part - 1});
        break;
      case Work::backward:
        if (part < last) f(Source{Work::backward, part + 1});
        if (part == last && splits_head_)
          for (int s = 0; s < stages_; ++s) f(Source{Work::scores, placement_.part(s, 0)});
        break;
      case Work::scores:
        f(Source{Work::forward, last});
        break;
      case Work::head:
        f(Source{Work::backward, last});
        break;
      case Work::weights:
        break;
    }
  }

  // When the inputs of the stage's next action have arrived: 0 if it takes none, `never` if one
  // does not exist yet.
  double input_time(int stage) {
    double time = 0;
    each_source(stage, next(stage), [&](Source source) {
      const double end = end_of(source.work, next(stage).microbatch, source.part);
      const double message = placement_.stage(source.part) == stage ? 0 : message_time_;
      time = time == never || end == never ? never : std::max(time, end + message);
    });
    return time;
  }

  void finish(int stage, double start, double end) {
    const Action& action = next(stage);
    end_of(action.work, action.microbatch, part_of(stage, action)) = end;
    timeline_.stages[stage].push_back({action, start, end});
    timeline_.length = std::max(timeline_.length, end);
    ++position_[stage];
  }

  // A stage that stops for an input is resumed by the stage that produces it.
  void run_freely() {
    std::vector<int> runnable;
    for (int stage = stages_; stage-- > 0;) runnable.push_back(stage);
    while (!runnable.empty()) {
      const int stage = runnable.back();
      runnable.pop_back();
      advance(stage, runnable);
    }
  }

  void advance(int stage, std::vector<int>& runnable) {
    const std::vector<Interval>& done = timeline_.stages[stage];
    while (!is_done(stage)) {
      const double input = input_time(stage);
      if (input == never) return;
      const Action& action = next(stage);
      const double start = std::max(input, done.empty() ? 0 : done.back().end);
      finish(stage, start, start + costs_[stage][action.chunk].of(action.work));
      call_consumers(stage, action, runnable);
    }
  }

  // Advances from one moment to the next at which an action ends or an input arrives.
  void run_sharing(double cores) {
    constexpr double forever = std::numeric_limits<double>::infinity();
    std::vector<double> starts(stages_), left(stages_, never);  // of the action at work
    for (double now = 0;;) {
      int at_work = 0;
      double pause = forever;
      for (int stage = 0; stage < stages_; ++stage) {
        if (left[stage] == never && !is_done(stage)) {
          const double input = input_time(stage);
          if (input > now) pause = std::min(pause, input - now);
          if (input == never || input > now) continue;
          starts[stage] = now;
          left[stage] = costs_[stage][next(stage).chunk].of(next(stage).work);
        }
        if (left[stage] != never) ++at_work;
      }
      const double slowness = std::max(1.0, at_work / cores);
      for (const double time : left)
        if (time != never) pause = std::min(pause, time * slowness);
      if (pause == forever) return;
      now += pause;
      for (int stage = 0; stage < stages_; ++stage) {
        if (left[stage] == never) continue;
        if (left[stage] * slowness > pause) {
          left[stage] -= pause / slowness;
        } else {
          finish(stage, starts[stage], now);
          left[stage] = never;
        }
      }
    }
  }

  // Resumes the stages that this action's output may have kept from going on.
  void call_consumers(int stage, const Action& action, std::vector<int>& runnable) {
    const auto call = [&](int consumer) {
      if (consumer != stage && !is_done(consumer) && input_time(consumer) != never)
        runnable.push_back(consumer);
    };
    const int part = part_of(stage, action), last = placement_.parts() - 1;
    if (action.work == Work::forward && part < last) call(placement_.stage(part + 1));
    if (action.work == Work::backward && part > 0) call(placement_.stage(part - 1));
    if (action.work == Work::scores) call(placement_.last_stage());
    if (splits_head_ && part == last && action.work != Work::weights)
      for (int other = 0; other < stages_; ++other) call(other);
  }

  void require_costs() const {
    if (microbatches_ < 1 || static_cast<int>(schedules_.size()) != stages_)
      throw std::invalid_argument("simulate: " + text(static_cast<int>(schedules_.size())) +
                                  " lists for " + text(stages_) + " stages, " +
                                  text(microbatches_) + " microbatches");
    bool fits = costs_.size() == schedules_.size() && is_duration(message_time_);
    for (const auto& stage : costs_) {
      fits = fits && static_cast<int>(stage.size()) == chunks_;
      for (const Costs& costs : stage)
        for (const double time :
             {costs.forward, costs.backward, costs.weights, costs.scores, costs.head})
          fits = fits && is_duration(time);
    }
    if (!fits)
      throw std::invalid_argument(
          "simulate: there must be finite costs of 0 or more for every stage and chunk");
  }

  std::string in_chunk(int chunk) const { return chunks_ > 1 ? " in chunk " + text(chunk) : ""; }

  // The first of its next action's inputs that does not exist.
  Source missing(int stage) {
    Source first{};
    bool is_found = false;
    each_source(stage, next(stage), [&](Source source) {
      if (is_found || end_of(source.work, next(stage).microbatch, source.part) != never) return;
      first = source;
      is_found = true;
    });
    return first;
  }

  // Every stage that is not done waits for another: following them ends in a cycle.
  std::string describe_cycle(int stage) {
    std::vector<int> path;
    while (std::ranges::find(path, stage) == path.end()) {
      path.push_back(stage);
      stage = placement_.stage(missing(stage).part);
    }
    path.erase(path.begin(), std::ranges::find(path, stage));
    std::rotate(path.begin(), std::ranges::min_element(path), path.end());
    std::string message = "stage " + text(path.front());
    for (std::size_t i = 0; i < path.size(); ++i) {
      const Source source = missing(path[i]);
      message += std::string(i == 0 ? "" : ", which") + " waits for the " +
                 name_of_product(source.work) + " of microbatch " + text(next(path[i]).microbatch) +
                 in_chunk(placement_.chunk(source.part)) + " from stage " +
                 text(path[(i + 1) % path.size()]);
    }
    return message;
  }

  const std::vector<Schedule>& schedules_;
  const Placement& placement_;
  const StageCosts& costs_;
  const int stages_, microbatches_, chunks_;
  const double message_time_;
  const bool splits_head_;
  std::vector<double> ends_;  // [work][part][microbatch]
  std::vector<std::size_t> position_;
  Timeline timeline_;
};

}  // namespace

Timeline simulate(const Plan& plan, const StageCosts& costs, double message_time, double cores) {
  return Simulation(plan, costs, message_time).run(cores);
}

}  // namespace pipeline
