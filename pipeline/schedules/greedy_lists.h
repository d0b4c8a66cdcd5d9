#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "pipeline/schedules/placement.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/simulate.h"

namespace pipeline {

// Makes new lists of given ones by simulating them: whenever a stage is free, it chooses its next
// action, the one that comes next in its given list or another.
class GreedyLists {
 public:
  // All arguments must outlive it.
  GreedyLists(const Placement& placement, int microbatches, const std::vector<Schedule>& lists,
              const StageCosts& costs);
  virtual ~GreedyLists() = default;

  // Runs until no stage chooses anything. Throws std::invalid_argument, with `what`, if a given
  // list is not done by then.
  std::vector<Schedule> run(const char* what);

 protected:
  static constexpr double not_yet = std::numeric_limits<double>::infinity();

  // What the free stage does now, if anything.
  virtual std::optional<Action> choose(int stage, double now) = 0;
  // The stage has begun the action, which ends then. Says whether it is its given list's next one.
  virtual bool begun(int stage, const Action& action, double end) = 0;

  // The stage's next action in its given list; null at the end.
  const Action* next(int stage) const;
  int part_of(int stage, const Action& action) const {
    return placement_.part(stage, action.chunk);
  }
  // When it ends; not_yet if it has not begun.
  double& forward_end(int part, int microbatch) { return forwards_[at(part, microbatch)]; }
  double& backward_end(int part, int microbatch) { return backwards_[at(part, microbatch)]; }

  const Placement& placement_;
  const int microbatches_;

 private:
  struct Progress {
    std::size_t next = 0;  // of its given list
    double free_from = 0;
    Schedule done;
  };

  std::size_t at(int part, int microbatch) const {
    return static_cast<std::size_t>(part) * microbatches_ + microbatch;
  }
  bool act(double now);
  double next_end(double now) const;

  const std::vector<Schedule>& lists_;
  const StageCosts& costs_;
  std::vector<Progress> stages_;
  std::vector<double> forwards_, backwards_;  // [part][microbatch]
};

}  // namespace pipeline
