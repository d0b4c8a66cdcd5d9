#include "tools/training/report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/cut.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/simulate.h"
#include "pipeline/training_config.h"
#include "tools/training/lanes.h"
#include "tools/training/page.h"
#include "tools/training/trace_files.h"

namespace training {

namespace {

using pipeline::Costs, pipeline::TrainingConfig, pipeline::Tag;

std::string to_text(const std::vector<Costs>& chunks) {
  std::ostringstream text;
  text << std::setprecision(9);
  for (const Costs& cost : chunks)
    text << cost.forward << ' ' << cost.backward << ' ' << cost.weights << ' ' << cost.scores << ' '
         << cost.head << '\n';
  return text.str();
}

// The mean over all pipelines of what each stage measured.
pipeline::StageCosts gather_costs(const TrainingConfig& config, const pipeline::StageWorker& worker,
                                  pipeline::Mailbox& mailbox) {
  pipeline::StageCosts costs =
      pipeline::uniform_costs(config.topology.stages, config.chunks, {0, 0, 0});
  const std::array costs_of_work{&Costs::forward, &Costs::backward, &Costs::weights, &Costs::scores,
                                 &Costs::head};
  for (int rank = 0; rank < mailbox.ranks(); ++rank) {
    std::istringstream text(
        rank == mailbox.rank()
            ? to_text(worker.measured_costs())
            : mailbox
                  .receive(rank, {Tag::report}, nn::concat("waiting for the costs of rank ", rank))
                  .text());
    for (Costs& cost : costs[config.topology.stage(rank)]) {
      for (double Costs::*const of : costs_of_work) {
        double one = 0;
        text >> one;
        cost.*of += one / config.topology.pipelines;
      }
    }
  }
  return costs;
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
  if (mailbox.rank() != recorder)
    return mailbox.send_text(recorder, {Tag::report}, to_text(worker.measured_costs()));
  const pipeline::StageCosts costs = gather_costs(config, worker, mailbox);
  if (!seconds_per_step) return;
  const int cores = std::min(options.cores, config.topology.ranks());
  const pipeline::Timeline timeline = pipeline::simulate(
      pipeline::plan_of(config), costs, 0, static_cast<double>(cores) / config.topology.pipelines);
  double work = 0;  // of all pipelines, on one core
  for (const auto& chunks : costs)
    for (const Costs& cost : chunks) work += cost.sum() * config.all_microbatches();
  std::ostringstream csv;
  csv << "Stage,Chunk,Forward,Backward,Weights" << (config.splits_head ? ",Scores,Head" : "")
      << '\n'
      << std::setprecision(6);
  for (std::size_t stage = 0; stage < costs.size(); ++stage)
    for (std::size_t chunk = 0; chunk < costs[stage].size(); ++chunk) {
      const Costs& cost = costs[stage][chunk];
      csv << stage << ',' << chunk << ',' << cost.forward << ',' << cost.backward << ','
          << cost.weights;
      if (config.splits_head) csv << ',' << cost.scores << ',' << cost.head;
      csv << '\n';
    }
  nn::write_file_atomically(options.out / "costs.csv", csv.str());
  if (options.has_trace) write_trace(options.out / "trace-predicted.csv", events_of(timeline));
  write_page(options, {costs, timeline, *seconds_per_step, work, cores});
  std::cout << std::fixed << std::setprecision(3) << "a step takes " << *seconds_per_step
            << " s; layers " << pipeline::to_text(config.cut) << " and " << config.schedule
            << (config.splits_head ? " with a split head" : "") << " on " << cores
            << (cores == 1 ? " core" : " cores") << " allow " << timeline.length << " s ("
            << std::setprecision(2) << work / timeline.length << "x over one rank; reached "
            << work / *seconds_per_step << "x)\nreport: " << (options.out / "report.html").string()
            << std::endl;
}

}  // namespace training
