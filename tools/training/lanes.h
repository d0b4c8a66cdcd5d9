#pragma once

#include <string>
#include <vector>

#include "pipeline/prediction/predict.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/trace.h"
#include "tools/report/timeline.h"
#include "tools/training/trace_files.h"

// The work of ranks or stages over time, for report to draw.
namespace training {

report::BarKind bar_kind(pipeline::Kind kind);

// What each rank did between two times. The lanes count time from the first.
std::vector<report::Lane> lanes_between(const std::vector<RankEvent>& events, double start,
                                        double end, const std::string& actor = "rank");

// A simulated step as events of step 1, with stages in place of ranks.
std::vector<RankEvent> events_of(const pipeline::Timeline& timeline);
std::vector<RankEvent> events_of(const pipeline::Prediction& prediction);

// One lane per stage.
std::vector<report::Lane> lanes_of(const pipeline::Timeline& timeline);
std::vector<report::Lane> lanes_of(const pipeline::Prediction& prediction);

}  // namespace training
