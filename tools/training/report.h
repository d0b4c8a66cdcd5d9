#pragma once

#include "pipeline/stage_worker.h"
#include "tools/training/rank.h"

namespace training {

// trace-rank-R.csv in the folder (see trace_files.h), in the seconds of rank 0's clock. Rank 0
// removes those of ranks that this start of the run does not have.
void write_events(const std::filesystem::path& folder, int rank, int ranks,
                  const pipeline::Trace& trace, double offset);

// All ranks send what their chunks cost to the recorder, which prints what the cut and the schedule
// allow beside what was measured, and writes costs.csv and the predicted timeline.
void report_costs(const RankOptions& options, const pipeline::StageWorker& worker,
                  pipeline::Mailbox& mailbox, std::optional<double> seconds_per_step);

}  // namespace training
