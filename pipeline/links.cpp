#include "pipeline/links.h"

#include <set>

#include "pipeline/schedules/placement.h"
#include "pipeline/tied_gradients.h"
#include "pipeline/topology.h"

namespace pipeline {

std::vector<int> links_of(const TrainingConfig& config, int rank) {
  const Topology& t = config.topology;
  const Placement placement = placement_of(config);
  const int stage = t.stage(rank), pipeline = t.pipeline(rank), recorder = recorder_of(config);
  std::set<int> links{0, recorder};
  if (rank == 0 || rank == recorder)
    for (int other = 0; other < t.ranks(); ++other) links.insert(other);
  for (int part = 1; part < placement.parts(); ++part) {
    const int from = placement.stage(part - 1), to = placement.stage(part);
    if (from == stage) links.insert(t.rank(pipeline, to));
    if (to == stage) links.insert(t.rank(pipeline, from));
  }
  if (config.splits_head) {
    const int last = placement.last_stage();
    links.insert(t.rank(pipeline, last));
    if (stage == last)
      for (int other = 0; other < t.stages; ++other) links.insert(t.rank(pipeline, other));
  }
  for (int step : {1, t.pipelines - 1})
    links.insert(t.rank((pipeline + step) % t.pipelines, stage));
  if (config.trains_alone())
    for (int other : t.stage_group(stage)) links.insert(other);
  if (config.trains_alone() && config.has_verdicts()) {
    const std::vector<int> judges = judges_of(config, rank);
    links.insert(judges.front());
    if (rank == judges.front()) links.insert(judges.begin(), judges.end());
  }
  if (config.shares_moments) {
    links.insert(t.rank(0, stage));
    if (pipeline == 0)
      for (int other : t.stage_group(stage)) links.insert(other);
  }
  if (const int tied = tied_rank(config, rank); tied >= 0) links.insert(tied);
  links.erase(rank);
  return {links.begin(), links.end()};
}

std::vector<int> judges_of(const TrainingConfig& config, int rank) {
  const Topology& t = config.topology;
  std::vector<int> ranks;
  for (int other = 0; other < t.ranks(); ++other)
    if (!config.trains_alone() || t.pipeline(other) == t.pipeline(rank)) ranks.push_back(other);
  return ranks;
}

}  // namespace pipeline
