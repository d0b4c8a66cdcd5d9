#pragma once

#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/simulate.h"

// A head whose rows are split over the stages (Yeung et al. 2024, Balancing Pipeline Parallelism
// with Vocabulary Parallelism). The last part of the model ends with the norm before the head, and
// the stages share the rest of each microbatch:
//
//   F of the last part    sends the norm's output to all stages
//   S, scores             of a stage's rows: their largest and the sum of their exponentials, and
//                         their share of the gradient of the norm's output, all but a factor
//   B of the last part    waits for the S of all stages, adds them up, and sends back the factors
//   T, head               the gradients of a stage's rows
//
// This is the paper's Algorithm 2, with one wait between F and B instead of two: the gradient is
// computed before the sum of exponentials over all stages is known, and scaled afterwards.
namespace pipeline {

// The table's lists for a pipeline of one more stage, whose place the head takes, and in them S and
// T where they fit for these costs: S as early as possible; T in idle time, but at once if a stage
// holds as many microbatches between S and T as there are stages. 1f1b, four stages, six
// microbatches:
//
//   FFFFSFS.T.SBWFSBWTTSBWT.SBWT.BWBWT
//   .FFFSFS.TBSWFBSWFTBSWTTBSW.TBWBWT
//   ..FFSFS.BWSFBWSTFBWSTFBWSTTBWBWTT
//   ...FSFSBWFSBWFSTBWFSTBWFSTBWBWTTT
Plan plan_with_split_head(const ScheduleEntry& entry, int stages, int microbatches, int chunks,
                          const StageCosts& costs);

// Adds the costs of S and T to every stage: an even share of the head's.
void share_head(StageCosts& costs, const Costs& head);

// The same plan with S and T. Throws std::invalid_argument if its stages would deadlock.
Plan with_split_head(const Plan& plan, const StageCosts& costs);

}  // namespace pipeline
