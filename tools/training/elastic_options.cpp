#include "tools/training/elastic_options.h"

#include <map>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/mailbox/listener.h"
#include "pipeline/training_config.h"
#include "tools/training/access.h"
#include "tools/training/history.h"

namespace training {

using nn::demand;

void require_elastic(const RankOptions& options) {
  const pipeline::TrainingConfig& config = options.config;
  demand(!options.meeting.empty(),
         "--elastic needs a folder in which processes can meet at any time",
         "start it with tools/pipeline.sh or a cluster's launcher, or give --meet instead of "
         "--address");
  demand(!config.shares_moments, "--elastic cannot recover moments that --zero1 has shared out",
         "leave --zero1 or --elastic out");
  demand(!config.splits_head, "--elastic does not go with --split-head",
         "leave --split-head or --elastic out");
  demand(config.sample_every == 0, "--elastic does not go with --sample-every",
         "leave --sample-every or --elastic out");
  demand(
      !config.given_plan,
      "--elastic does not go with a schedule from a file, which has a fixed number of microbatches",
      "choose a --schedule by its name, or leave --elastic out");
  demand(!options.is_cut_measured,
         "--elastic does not go with --layers auto: processes that come later would measure "
         "another cut",
         "name the --layers that an earlier run chose");
  if (!options.members.empty()) {
    demand(!options.is_resumed, "--members replays a run from its first step",
           "leave --resume or --members out");
    for (const auto& [step, pipelines] : read_history(options.members))
      demand(static_cast<int>(pipelines.size()) <= config.all_microbatches(),
             "--members has more pipelines than a step has microbatches",
             "choose the --microbatches and pipelines of that run");
  }
  demand(!options.has_trace, "--elastic does not go with --trace",
         "leave --trace or --elastic out");
  pipeline::TrainingConfig fewer = config;
  fewer.full_pipelines = config.topology.pipelines;
  for (int& left = fewer.topology.pipelines; left > 0; --left) pipeline::require_valid(fewer);
}

pipeline::Members::Options members_options(const RankOptions& options) {
  const pipeline::Topology& topology = options.config.topology;
  return {.folder = pipeline::shared_folder(options.meeting),
          .ports = pipeline::ports_at(options.host.empty() ? pipeline::host_of_this_machine()
                                                           : options.host),
          .seat = options.rank,
          .shape = {.stages = topology.stages,
                    .pipelines = topology.pipelines,
                    .most_pipelines = options.config.all_microbatches(),
                    .plan = options.members.empty() ? std::map<int, std::vector<int>>()
                                                    : read_history(options.members)},
          .begins_anew = !options.is_resumed && !options.first_start,
          .heartbeat = milliseconds_of(options.heartbeat),
          .patience = milliseconds_of(options.timeout),
          .stop = options.stop};
}

}  // namespace training
