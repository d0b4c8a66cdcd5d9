#pragma once

#include <filesystem>
#include <optional>

#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage_worker.h"
#include "pipeline/trace.h"
#include "tools/training/rank.h"

namespace training {

// Writes trace-rank-R.csv to the folder (see trace_files.h), in seconds of rank 0's clock. Rank 0
// removes the files of ranks that this start of the run does not have.
void write_events(const std::filesystem::path& folder, int rank, int ranks,
                  const pipeline::Trace& trace, double offset);

// All ranks send the costs of their chunks to the recorder. It writes costs.csv and the predicted
// timeline and report.html, and prints the measured time of a step beside the one that cut and
// schedule allow.
void report_costs(const RankOptions& options, const pipeline::StageWorker& worker,
                  pipeline::Mailbox& mailbox, std::optional<double> seconds_per_step);

}  // namespace training
