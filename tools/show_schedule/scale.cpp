#include "tools/show_schedule/scale.h"

#include <algorithm>
#include <iostream>
#include <string>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/schedules/schedule.h"
#include "tools/report/axis.h"
#include "tools/report/document.h"
#include "tools/show_schedule/example.h"
#include "tools/training/link_text.h"
#include "tools/training/scaling_report.h"
#include "tools/training/schedule_file.h"

namespace show_schedule {

using namespace pipeline;
using nn::concat;

// The schedule given, or that of the run.
static const ScheduleEntry& schedule_to_predict(const ScheduleOptions& options,
                                                const training::MeasuredStep& measured) {
  const ScheduleEntry* own = find_schedule(measured.schedule);
  if (!options.schedule && own) return *own;
  const std::string name = options.schedule.value_or("1f1b");
  if (name == "search" || training::is_schedule_file(name))
    throw nn::InputError("a prediction needs a schedule by name", "--schedule 1f1b");
  return schedule_named(name);
}

void scale(const ScheduleOptions& options) {
  const std::string& file = options.stage_costs;
  training::MeasuredStep measured = *options.run;
  const int stages = static_cast<int>(measured.stages.size());
  if (options.size.stages.value_or(stages) != stages)
    throw nn::InputError(concat(file, " has costs of ", stages, " stages"), "omit --stages");
  if (*options.ranks < stages)
    throw nn::InputError(concat(file, " has ", stages, " stages, and there are only ",
                                *options.ranks, *options.ranks == 1 ? " rank" : " ranks"),
                         concat("give --ranks ", stages, " or more"));
  Cluster& cluster = measured.cluster;
  if (!options.link.empty())
    cluster.link = cluster.group_link = training::parse_link("--link", options.link);
  if (!options.group_link.empty())
    cluster.group_link = training::parse_link("--group-link", options.group_link);
  const ScheduleEntry& schedule = schedule_to_predict(options, measured);
  const int own_chunks = static_cast<int>(measured.stages[0].size());
  const int chunks =
      chunks_of(schedule, options, options.schedule ? std::max(2, own_chunks) : own_chunks);
  const training::Scaling scaling{schedule, chunks,
                                  training::chunks_for(measured, schedule, chunks),
                                  measured.activation_bytes, cluster};
  const auto report = training::scaling_report(
      scaling, *options.ranks, options.size.microbatches.value_or(measured.microbatches),
      options.batch.value_or(*options.ranks / stages));
  if (!options.svg.empty())
    nn::write_file_atomically(options.svg, report::to_svg(report.efficiency));
  std::cout << report.title << "\ncosts of " << file << ", from " << measured.pipelines
            << (measured.pipelines == 1 ? " pipeline" : " pipelines") << "; "
            << training::text_of_links(cluster) << "; two microbatches of a rank differ by "
            << report::fixed(1e6 * cluster.spread, 0) << " us on average\n\n"
            << report::to_text(report.weak) << '\n'
            << report::to_text(report.strong);
}

}  // namespace show_schedule
