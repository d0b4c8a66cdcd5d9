#include "pipeline/prediction/rank_tasks.h"

namespace pipeline {

std::vector<Task> tasks_of(const StepWork& work, int stage) {
  std::vector<Task> tasks;
  const int last = work.plan.microbatches - 1;
  for (const Action& action : work.plan.stages[stage]) {
    const ChunkWork& chunk = work.stages[stage][action.chunk];
    const double seconds = chunk.costs.of(action.work);
    if (action.work == Work::weights && action.microbatch == last && !chunk.blocks.empty()) {
      for (const BlockWork& block : chunk.blocks)
        tasks.push_back({action, seconds * block.share, &block == &chunk.blocks.back(), &block});
      continue;
    }
    Task& task = tasks.emplace_back(Task{action, seconds});
    if (action.work == Work::head && action.microbatch == last && chunk.rows)
      task.completed = &*chunk.rows;
  }
  return tasks;
}

}  // namespace pipeline
