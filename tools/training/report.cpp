#include "tools/training/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/cut.h"
#include "pipeline/mailbox/carriers.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/prediction/measured_link.h"
#include "pipeline/prediction/predict.h"
#include "pipeline/prediction/step_work.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/training_config.h"
#include "tools/program/peak_memory.h"
#include "tools/report/axis.h"
#include "tools/training/costs_file.h"
#include "tools/training/gathered_work.h"
#include "tools/training/lanes.h"
#include "tools/training/link_text.h"
#include "tools/training/page.h"
#include "tools/training/trace_files.h"

namespace training {

namespace {

using pipeline::Costs, pipeline::TrainingConfig, pipeline::Tag;

std::string csv_of(const pipeline::StageCosts& costs, bool splits_head) {
  std::ostringstream csv;
  csv << "Stage,Chunk,Forward,Backward,Weights" << (splits_head ? ",Scores,Head" : "") << '\n'
      << std::setprecision(6);
  for (std::size_t stage = 0; stage < costs.size(); ++stage)
    for (std::size_t chunk = 0; chunk < costs[stage].size(); ++chunk) {
      const Costs& cost = costs[stage][chunk];
      csv << stage << ',' << chunk << ',' << cost.forward << ',' << cost.backward << ','
          << cost.weights;
      if (splits_head) csv << ',' << cost.scores << ',' << cost.head;
      csv << '\n';
    }
  return csv.str();
}

// With more digits where it is short: "0.743 s", "0.00292 s".
std::string duration(double seconds) {
  return report::fixed(seconds, seconds < 0.01 ? 5 : 3) + " s";
}

// How many ranks can compute at once. Those with many threads leave no core to others, either.
double ranks_at_once(const RankOptions& options) {
  const int ranks = options.config.topology.ranks();
  return std::max(static_cast<double>(options.cores) / options.threads,
                  static_cast<double>(std::min(options.cores, ranks)));
}

// How the prediction compares, and what it takes messages and actions to cost.
std::string sentence_of(const pipeline::Prediction& prediction, const pipeline::Cluster& cluster,
                        double seconds_per_step) {
  const double difference = 100 * (prediction.length / seconds_per_step - 1);
  std::ostringstream text;
  text << "predicted with messages, averages and updates: " << duration(prediction.length) << ", "
       << std::fixed << std::setprecision(1) << std::abs(difference) << " % "
       << (difference < 0 ? "less" : "more") << "; " << std::setprecision(0) << 1e6 * cluster.action
       << " us per action";
  if (cluster.link != pipeline::Link{}) text << "; " << text_of_links(cluster);
  text << '\n';
  return text.str();
}

}  // namespace

void write_events(const std::filesystem::path& folder, int rank, int ranks,
                  const pipeline::Trace& trace, double offset) {
  std::vector<RankEvent> events;
  for (pipeline::Event event : trace.events()) {
    event.start += offset, event.end += offset;
    events.push_back({rank, event});
  }
  const auto file_of = [&](int r) { return folder / nn::concat("trace-rank-", r, ".csv"); };
  write_trace(file_of(rank), events);
  // An earlier start may have had more ranks.
  if (rank == 0)
    for (int other = ranks; std::filesystem::remove(file_of(other)); ++other) continue;
}

void report_costs(const RankOptions& options, const pipeline::StageWorker& worker,
                  pipeline::Mailbox& mailbox, std::optional<double> seconds_per_step) {
  const TrainingConfig& config = options.config;
  const int recorder = pipeline::recorder_of(config);
  const double carrying = pipeline::carrying_seconds();  // without what is measured next
  const std::string own =
      told_work(worker, carrying, pipeline::measured_links(mailbox, config.topology),
                static_cast<double>(tools::peak_memory()));
  if (mailbox.rank() != recorder) return mailbox.send_text(recorder, {Tag::report}, own);
  auto [stage_work, memory, cluster] = gather_work(config, own, mailbox);
  if (!seconds_per_step) return;
  if (options.rehearsal) {
    stage_work = options.rehearsal->stages;
    memory = options.rehearsal->memory;
  }
  const int ranks = config.topology.ranks();
  const int cores = options.rehearsal ? ranks : std::min(options.cores, ranks);
  if (!options.rehearsal)  // ranks that sleep need no cores
    cluster.cores = ranks_at_once(options) / config.topology.pipelines;
  const pipeline::StageCosts costs = costs_with_updates(stage_work, config.microbatches);
  const pipeline::Timeline timeline =
      pipeline::simulate(pipeline::plan_of(config), costs, 0, cluster.cores);
  const pipeline::StepWork step = step_of(config, stage_work);
  const pipeline::Prediction prediction = predict_step(step, cluster);
  double work = 0;  // of all pipelines, on one core
  for (const auto& chunks : costs)
    for (const Costs& cost : chunks) work += cost.sum() * config.all_microbatches();
  nn::write_file_atomically(options.out / "costs.csv", csv_of(costs, config.splits_head));
  nn::write_file_atomically(
      options.out / "costs.json",
      to_json({config.schedule, config.microbatches, config.topology.pipelines, stage_work,
               step.activation_bytes, cluster, memory}));
  if (options.has_trace) write_trace(options.out / "trace-predicted.csv", events_of(prediction));
  write_page(options, {costs, timeline, prediction, *seconds_per_step, work, cores});
  std::cout << "a step takes " << duration(*seconds_per_step) << "; layers "
            << pipeline::to_text(config.cut) << " and " << config.schedule
            << (config.splits_head ? " with a split head" : "") << " on " << cores
            << (cores == 1 ? " core" : " cores") << " allow " << duration(timeline.length) << " ("
            << std::fixed << std::setprecision(2) << work / timeline.length
            << "x over one rank; reached " << work / *seconds_per_step << "x)\n"
            << sentence_of(prediction, cluster, *seconds_per_step)
            << "report: " << (options.out / "report.html").string() << std::endl;
}

}  // namespace training
