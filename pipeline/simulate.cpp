#include "pipeline/simulate.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

namespace pipeline {
namespace {

constexpr double never = -1;

std::string text(int number) { return std::to_string(number); }

const char* name_of(Work work) {
  return work == Work::forward ? "forward" : work == Work::backward ? "backward" : "weights";
}

bool is_within(int index, int count) { return 0 <= index && index < count; }

bool is_duration(double time) {
  return 0 <= time && time < std::numeric_limits<double>::infinity();
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
        position_(stages_) {
    require_costs();
    ends_.assign(3 * placement_.parts() * microbatches_, never);
    for (int stage = 0; stage < stages_; ++stage) require_list(stage);
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

  double& end_of(Work work, int microbatch, int part) {
    return ends_[(static_cast<int>(work) * placement_.parts() + part) * microbatches_ + microbatch];
  }

  // The part whose output the action takes, or -1 if it takes none.
  int source(int stage, const Action& action) const {
    const int part = part_of(stage, action);
    if (action.work == Work::forward) return part - 1;
    return action.work == Work::backward && part + 1 < placement_.parts() ? part + 1 : -1;
  }

  // When the input of the stage's next action arrives: 0 if it takes none, `never` if it does not
  // exist yet.
  double input_time(int stage) {
    const Action& action = next(stage);
    const int from = source(stage, action);
    if (from < 0) return 0;
    const double end = end_of(action.work, action.microbatch, from);
    return end == never ? never : end + (placement_.stage(from) == stage ? 0 : message_time_);
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
      call_consumer(stage, action, runnable);
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

  void call_consumer(int stage, const Action& action, std::vector<int>& runnable) const {
    if (action.work == Work::weights) return;
    const int to = part_of(stage, action) + (action.work == Work::forward ? 1 : -1);
    if (to < 0 || to == placement_.parts() || placement_.stage(to) == stage) return;
    const int consumer = placement_.stage(to);
    if (is_done(consumer)) return;
    const Action& waiting = next(consumer);
    if (waiting.work == action.work && waiting.microbatch == action.microbatch &&
        part_of(consumer, waiting) == to)
      runnable.push_back(consumer);
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
        for (const double time : {costs.forward, costs.backward, costs.weights})
          fits = fits && is_duration(time);
    }
    if (!fits)
      throw std::invalid_argument(
          "simulate: there must be finite costs of 0 or more for every stage and chunk");
  }

  // Checks what a stage's list promises by itself.
  void require_list(int stage) const {
    std::vector<char> seen(3 * chunks_ * microbatches_);
    const auto seen_at = [&](const Action& a) -> char& {
      return seen[(static_cast<int>(a.work) * chunks_ + a.chunk) * microbatches_ + a.microbatch];
    };
    std::vector<int> next_weights(chunks_);
    for (const Action& action : schedules_[stage]) {
      if (!is_within(action.microbatch, microbatches_) || !is_within(action.chunk, chunks_))
        refuse(stage, "does", action,
               ", which does not exist (microbatches: " + text(microbatches_) +
                   ", chunks: " + text(chunks_) + ")");
      if (seen_at(action)) refuse(stage, "does", action, " twice");
      seen_at(action) = true;
      if (action.work == Work::backward &&
          !seen_at({Work::forward, action.microbatch, action.chunk}))
        refuse(stage, "does", action, " before its forward");
      if (action.work != Work::weights) continue;
      if (!seen_at({Work::backward, action.microbatch, action.chunk}))
        refuse(stage, "does", action, " before its backward");
      if (action.microbatch != next_weights[action.chunk]++)
        refuse(stage, "does", action, " out of turn: gradients add up in ascending microbatches");
    }
    for (const Work work : {Work::forward, Work::backward, Work::weights})
      for (int chunk = 0; chunk < chunks_; ++chunk)
        for (int i = 0; i < microbatches_; ++i)
          if (!seen_at({work, i, chunk})) refuse(stage, "never does", {work, i, chunk});
  }

  [[noreturn]] void refuse(int stage, const char* verb, const Action& action,
                           const std::string& complaint = "") const {
    throw BadSchedule("stage " + text(stage) + " " + verb + " the " + name_of(action.work) +
                      " of microbatch " + text(action.microbatch) + in_chunk(action.chunk) +
                      complaint);
  }

  std::string in_chunk(int chunk) const { return chunks_ > 1 ? " in chunk " + text(chunk) : ""; }

  // Every stage that is not done waits for another: following them ends in a cycle.
  std::string describe_cycle(int stage) const {
    std::vector<int> path;
    while (std::ranges::find(path, stage) == path.end()) {
      path.push_back(stage);
      stage = placement_.stage(source(stage, next(stage)));
    }
    path.erase(path.begin(), std::ranges::find(path, stage));
    std::rotate(path.begin(), std::ranges::min_element(path), path.end());
    std::string message = "stage " + text(path.front());
    for (std::size_t i = 0; i < path.size(); ++i) {
      const Action& action = next(path[i]);
      const int chunk = placement_.chunk(source(path[i], action));
      message += std::string(i == 0 ? "" : ", which") + " waits for the " +
                 (action.work == Work::forward ? "activation" : "gradient") + " of microbatch " +
                 text(action.microbatch) + in_chunk(chunk) + " from stage " +
                 text(path[(i + 1) % path.size()]);
    }
    return message;
  }

  const std::vector<Schedule>& schedules_;
  const Placement& placement_;
  const StageCosts& costs_;
  const int stages_, microbatches_, chunks_;
  const double message_time_;
  std::vector<double> ends_;  // [work][part][microbatch]
  std::vector<std::size_t> position_;
  Timeline timeline_;
};

}  // namespace

StageCosts uniform_costs(int stages, int chunks, Costs costs) {
  return StageCosts(stages, std::vector<Costs>(chunks, costs));
}

double Timeline::busy(int stage) const {
  double sum = 0;
  for (const Interval& interval : stages.at(stage)) sum += interval.end - interval.start;
  return sum;
}

double Timeline::work() const {
  double sum = 0;
  for (std::size_t stage = 0; stage < stages.size(); ++stage) sum += busy(stage);
  return sum;
}

double Timeline::idle_share() const {
  return length > 0 ? 1 - work() / (length * stages.size()) : 0;
}

int Timeline::peak_in_flight(int stage) const {
  int held = 0, peak = 0;
  for (const Interval& interval : stages.at(stage)) {
    if (interval.action.work == Work::forward) peak = std::max(peak, ++held);
    if (interval.action.work == Work::weights) --held;
  }
  return peak;
}

Timeline simulate(const Plan& plan, const StageCosts& costs, double message_time, double cores) {
  return Simulation(plan, costs, message_time).run(cores);
}

}  // namespace pipeline
