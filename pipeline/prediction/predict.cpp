#include "pipeline/prediction/predict.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <list>
#include <random>
#include <utility>

#include "pipeline/collectives.h"
#include "pipeline/prediction/arrivals.h"
#include "pipeline/prediction/rank_tasks.h"
#include "pipeline/prediction/spread.h"
#include "pipeline/schedules/simulate.h"

namespace pipeline {
namespace {

constexpr double forever = std::numeric_limits<double>::infinity();
constexpr int steady_step = 2;  // from its end on, steps follow each other at a steady pace

// A block on its way from its last W to its update.
struct Average {
  const BlockWork* block;
  int step, turn = 0;
  double begun, arrival = forever;  // of what the next turn needs
};

struct Rank {
  std::vector<Task> tasks = {};  // of a step
  std::size_t next = 0;
  int step = 0;
  std::list<Average> averages = {};
  // At work: on an average if there is one, otherwise on the next task.
  bool is_at_work = false;
  std::list<Average>::iterator average = {};
  double start = 0, left = 0;
  double seconds = 0;   // of work on a microbatch
  double can_send = 0;  // from when on
  double sent = 0;      // bytes
};

class StepSimulation {
 public:
  // `carrying`: how many cores a pipeline's messages keep busy. `varying_steps`: how many steps
  // have actions that take more or less time than on average; 0: one step of average ones.
  StepSimulation(const StepWork& work, const Cluster& cluster, double carrying,
                 int varying_steps = 0)
      : work_(work),
        cluster_(cluster),
        placement_(work.plan.placement),
        stages_(placement_.stages()),
        carrying_(carrying),
        last_step_(steady_step + std::max(1, varying_steps)),
        deviation_(varying_steps > 0 ? deviation_of(cluster.spread) : 0),
        turns_(ring_turns(work.pipelines)),
        lateness_(expected_excess(work.pipelines, cluster.spread) *
                  std::sqrt(work.plan.microbatches)),
        ranks_(stages_),
        arrivals_(work, last_step_ + 1),
        tied_(last_step_ + 1),
        ends_(last_step_ + 1, forever) {
    simulate(work.plan, costs_of(work.stages));  // which throws
    for (int stage = 0; stage < stages_; ++stage) {
      Rank& rank = ranks_[stage];
      rank.tasks = tasks_of(work, stage);
      for (const Task& task : rank.tasks) rank.seconds += task.seconds / work.plan.microbatches;
    }
    prediction_.events.resize(stages_);
  }

  Prediction run() {
    for (double now = 0; now < forever;) now = advance(now);
    const double end = ends_[last_step_];
    prediction_.length = (end - ends_[steady_step]) / (last_step_ - steady_step);
    const double begin = ends_[last_step_ - 1];
    for (auto& events : prediction_.events) cut(events, begin, end);
    for (const Rank& rank : ranks_) prediction_.bytes.push_back(rank.sent / (last_step_ + 1));
    return std::move(prediction_);
  }

 private:
  // To the next moment at which something ends or arrives; forever if there is none.
  double advance(double now) {
    double next = forever;
    int at_work = 0;
    for (int stage = 0; stage < stages_; ++stage) {
      if (!ranks_[stage].is_at_work) next = std::min(next, begin(stage, now));
      if (ranks_[stage].is_at_work) ++at_work;
    }
    const double slowness =
        cluster_.cores > 0 ? std::max(1.0, (at_work + carrying_) / cluster_.cores) : 1.0;
    for (const Rank& rank : ranks_)
      if (rank.is_at_work) next = std::min(next, now + rank.left * slowness);
    if (next == forever) return forever;
    for (int stage = 0; stage < stages_; ++stage) {
      Rank& rank = ranks_[stage];
      if (!rank.is_at_work) continue;
      if (now + rank.left * slowness > next)
        rank.left -= (next - now) / slowness;
      else
        finish(stage, next);
    }
    return next;
  }

  // Gives a free rank something to do, or says when it may have something.
  double begin(int stage, double now) {
    Rank& rank = ranks_[stage];
    double next = forever;
    for (auto average = rank.averages.begin(); average != rank.averages.end(); ++average) {
      const double arrival = arrival_of(stage, *average);
      next = std::min(next, arrival);
      if (arrival <= now) return work_on(rank, average, seconds_of(*average), now);
    }
    if (rank.next == rank.tasks.size() && rank.averages.empty()) end_step(stage, now);
    if (rank.next == rank.tasks.size()) return next;
    const Task& task = rank.tasks[rank.next];
    const double arrival = std::max(call_of(stage), arrivals_.of(rank.step, stage, task.action));
    if (arrival > now) return std::min(next, arrival);
    return work_on(rank, rank.averages.end(), cluster_.action + varied(rank, task.seconds), now);
  }

  // A microbatch's deviation is that of its actions together.
  double varied(const Rank& rank, double seconds) {
    if (deviation_ == 0 || seconds == 0) return seconds;
    const double deviation = deviation_ * std::sqrt(seconds / rank.seconds);
    return std::max(0.0, seconds + deviation * normal_(random_));
  }

  static double work_on(Rank& rank, std::list<Average>::iterator average, double seconds,
                        double now) {
    rank.is_at_work = true;
    rank.average = average;
    rank.start = now;
    rank.left = seconds;
    return forever;
  }

  void finish(int stage, double now) {
    Rank& rank = ranks_[stage];
    rank.is_at_work = false;
    if (rank.average != rank.averages.end()) return finish_turn(stage, now);
    const Task& task = rank.tasks[rank.next++];
    const auto& [action, seconds, is_done_after, completed] = task;
    note(stage, kind_of(action.work), action.microbatch, action.chunk, rank.start, now);
    if (is_done_after)
      arrivals_.give(rank.step, stage, action, now,
                     [&](double bytes) { return send(stage, cluster_.link, bytes, now); });
    if (!completed) return;
    Average& average = rank.averages.emplace_back(Average{completed, rank.step, 0, now});
    proceed(stage, average, now);
  }

  void finish_turn(int stage, double now) {
    Rank& rank = ranks_[stage];
    Average& average = *rank.average;
    if (average.turn == turns_) {
      note(stage, Kind::update, average.block->number, 0, rank.start, now);
      rank.averages.erase(rank.average);
      return;
    }
    ++average.turn;
    proceed(stage, average, now);
  }

  // Sends what the next turn of the stage group needs; after the last one, tied gradients.
  void proceed(int stage, Average& average, double now) {
    const auto& [block, step, turn, begun, arrival] = average;
    if (turn < turns_) {
      const double bytes = block->bytes / work_.pipelines;
      average.arrival = send(stage, cluster_.group_link, bytes, now) + (turn == 0 ? lateness_ : 0);
      return;
    }
    if (turns_ > 0) note(stage, Kind::reduce, block->number, 0, begun, now);
    average.arrival = now;
    if (block->tied_bytes == 0) return;
    const int first = placement_.first_stage(), last = placement_.last_stage();
    Tied& tied = tied_[step];
    if (first != last)
      tied.arrival_at[stage == first] = send(stage, cluster_.link, block->tied_bytes, now);
    else if (++tied.done == 2)
      tied.arrival_at[0] = tied.arrival_at[1] = now;
  }

  double arrival_of(int stage, const Average& average) const {
    const bool is_tied = average.turn == turns_ && average.block->tied_bytes > 0;
    return is_tied ? tied_[average.step].arrival_at[stage == placement_.last_stage()]
                   : average.arrival;
  }

  double seconds_of(const Average& average) const {
    const BlockWork& block = *average.block;
    if (average.turn < turns_) return cluster_.adding * block.bytes / work_.pipelines;
    return cluster_.adding * block.tied_bytes + block.update;
  }

  // When a message of the rank arrives.
  double send(int stage, const Link& link, double bytes, double now) {
    Rank& rank = ranks_[stage];
    rank.can_send = std::max(rank.can_send, now) + bytes * link.seconds_per_byte;
    rank.sent += bytes;
    return rank.can_send + link.latency;
  }

  // Rank 0 begins at once, and calls all others. In every other pipeline all stages wait for that.
  double call_of(int stage) const {
    if (ranks_[stage].step == 0 || (stage == 0 && work_.pipelines == 1)) return 0;
    const Link& link = work_.pipelines == 1 ? cluster_.link : cluster_.group_link;
    return ends_[ranks_[stage].step - 1] + link.latency;
  }

  void end_step(int stage, double now) {
    Rank& rank = ranks_[stage];
    if (rank.step > last_step_) return;
    if (stage == 0) ends_[rank.step] = now;
    if (++rank.step <= last_step_) rank.next = 0;
  }

  void note(int stage, Kind kind, int item, int chunk, double start, double end) {
    const int step = ranks_[stage].step;
    if (step >= last_step_ - 1)
      prediction_.events[stage].push_back({kind, step, item, chunk, start, end});
  }

  // Leaves what happens between two times, and counts from the first.
  static void cut(std::vector<Event>& events, double from, double to) {
    std::erase_if(events, [&](const Event& e) { return e.end <= from || e.start >= to; });
    for (Event& event : events) {
      event.start = std::max(event.start, from) - from;
      event.end = std::min(event.end, to) - from;
    }
  }

  // The gradients of both ends of the model.
  struct Tied {
    int done = 0;  // if one stage has both
    double arrival_at[2] = {forever, forever};
  };

  const StepWork& work_;
  const Cluster& cluster_;
  const Placement& placement_;
  const int stages_;
  const double carrying_;
  const int last_step_;
  const double deviation_;  // of a rank's work on a microbatch
  const int turns_;
  const double lateness_;    // of the slowest pipeline, behind the mean
  std::vector<Rank> ranks_;  // of one pipeline
  Arrivals arrivals_;
  std::vector<Tied> tied_;    // of each step
  std::vector<double> ends_;  // of each step on rank 0
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  Prediction prediction_;
};

}  // namespace

double Prediction::idle_share() const {
  double busy = 0;
  for (const std::vector<Event>& stage : events)
    for (const Event& event : stage)
      if (event.kind != Kind::reduce) busy += event.end - event.start;
  return length > 0 ? 1 - busy / (length * static_cast<double>(events.size())) : 0;
}

Prediction predict_step(const StepWork& work, const Cluster& cluster) {
  Prediction step = StepSimulation(work, cluster, 0).run();
  double carrying = 0;
  if (cluster.cores > 0 && cluster.carrying > 0 && step.length > 0) {
    // A step is longer by what it carries where no core is free: the share is of the first length.
    carrying = static_cast<double>(work.stages.size()) * cluster.carrying / step.length;
    step = StepSimulation(work, cluster, carrying).run();
  }
  // Stages wait for each other longer when their actions vary.
  if (cluster.spread > 0 && work.stages.size() > 1) {
    const int steps = std::clamp(2000 / work.plan.microbatches, 10, 200);
    step.length = StepSimulation(work, cluster, carrying, steps).run().length;
  }
  return step;
}

}  // namespace pipeline
