#include "tools/training/scaling_report.h"

#include <algorithm>
#include <cstdint>
#include <functional>

#include "nn/base/error.h"
#include "tools/report/axis.h"

namespace training {

namespace {

using report::fixed;

// A row and a point of the picture for each number of pipelines.
void add_points(const Scaling& scaling, const std::vector<int>& counts,
                const std::function<std::int64_t(int pipelines)>& batch, report::Table& table,
                report::Series& series) {
  table.header = {"Ranks", "Microbatches", "Step, s", "Idle, %", "Sent, MB", "Times one rank"};
  for (const int pipelines : counts) {
    const ScalePoint point = scaling.at(pipelines, batch(pipelines));
    const int ranks = pipelines * static_cast<int>(scaling.stages.size());
    table.rows.push_back(
        {nn::concat(ranks), nn::concat(batch(pipelines)), fixed(point.prediction.length, 4),
         fixed(100 * point.prediction.idle_share(), 1),
         fixed(1e-6 * std::ranges::max(point.prediction.bytes), 1), fixed(point.speed_up, 1)});
    series.x.push_back(ranks);
    series.y.push_back(100 * point.speed_up / ranks);
  }
}

}  // namespace

ScalingReport scaling_report(const Scaling& scaling, int ranks, int microbatches, int batch) {
  const int stages = static_cast<int>(scaling.stages.size()), most = ranks / stages;
  const int used = most * stages;
  const std::string each = nn::concat(stages, stages == 1 ? " stage" : " stages");
  ScalingReport report{
      nn::concat(used < ranks ? nn::concat(used, " of ") : "", ranks,
                 ranks == 1 ? " rank: " : " ranks: ", most,
                 most == 1 ? " pipeline of " : " pipelines of ", each, ", ", scaling.schedule.name),
      {nn::concat("The batch grows: ", microbatches, " microbatches for each pipeline"), {}, {}},
      {nn::concat("The batch stays: ", batch, " microbatches, shared out"), {}, {}},
      {"scaling",
       nn::concat("Speed per rank, ", scaling.schedule.name, " with ", each),
       "Ranks",
       "% of one rank alone",
       {{"the batch grows", {}, {}}, {"the batch stays", {}, {}}}}};
  const std::vector<int> counts = pipelines_up_to(most);
  add_points(
      scaling, counts, [&](int pipelines) { return std::int64_t{microbatches} * pipelines; },
      report.weak, report.efficiency.series[0]);
  std::vector<int> sharing = counts;
  std::erase_if(sharing, [&](int pipelines) { return pipelines > batch; });
  add_points(
      scaling, sharing, [&](int) { return batch; }, report.strong, report.efficiency.series[1]);
  return report;
}

}  // namespace training
