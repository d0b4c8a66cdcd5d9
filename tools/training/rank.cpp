#include "tools/training/rank.h"

#include <cmath>
#include <exception>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/base/stopwatch.h"
#include "nn/files/checkpoint_folder.h"
#include "pipeline/clock.h"
#include "pipeline/cut.h"
#include "pipeline/evaluation.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/protocol.h"
#include "pipeline/stage.h"
#include "pipeline/stage_worker.h"
#include "pipeline/trace.h"
#include "tools/program/peak_memory.h"
#include "tools/training/access.h"
#include "tools/training/end_of_run.h"
#include "tools/training/material.h"
#include "tools/training/measure.h"
#include "tools/training/progress.h"
#include "tools/training/report.h"
#include "tools/training/run_folder.h"
#include "tools/training/save_model.h"
#include "tools/training/steps.h"

namespace training {

namespace {

using pipeline::TrainingConfig, pipeline::Mailbox, pipeline::Tag;

// Rank 0 measures and chooses, and tells the others.
pipeline::Cut agree_on_cut(const RankOptions& options, Mailbox& mailbox) {
  const TrainingConfig& config = options.config;
  if (!options.is_cut_measured) return config.cut;
  const int layers = static_cast<int>(config.model.layers),
            parts = static_cast<int>(config.cut.size());
  if (options.rank != 0)
    return pipeline::parse_cut(
        mailbox.receive(0, {Tag::cut}, "waiting for rank 0 to choose the cut").text(), layers,
        parts);
  const pipeline::Cut cut = pipeline::best_cut(
      measure_blocks(config, options.threads,
                     [&] { mailbox.progress("rank 0 was measuring the blocks"); }),
      layers, pipeline::plan_of(config), 0,
      static_cast<double>(options.cores) / config.topology.pipelines);
  for (int other = 1; other < mailbox.ranks(); ++other)
    mailbox.send_text(other, {Tag::cut}, pipeline::to_text(cut));
  return cut;
}

}  // namespace

void require_valid_folders(const RankOptions& options) {
  nn::require_writable_folder(options.out);
  // Checkpoints in the results folder are moved aside with the results.
  const bool is_own_folder = is_own(options.checkpoint, options.out);
  if (!is_own_folder) require_not_in_results(options.checkpoint, options.out);
  if (options.is_resumed) return;
  if (!options.init.empty()) require_not_in_results(options.init, options.out);
  if (is_own_folder) return;
  if (!nn::CheckpointFolder(options.checkpoint).is_empty())
    throw nn::InputError(options.checkpoint.string() + " has checkpoints of an earlier run",
                         "continue it with --resume, or choose another --checkpoint");
}

bool run_rank(RankOptions options) {
  TrainingConfig& config = options.config;
  Mailbox::Options access = mailbox_options(options);
  RunFolder folder(options.out, options.checkpoint,
                   options.rank == 0 ? RunFolder::Locks::own : RunFolder::Locks::none);
  if (options.rank == 0) require_valid_folders(options);  // again, now with the locks
  State state(options.state);
  state.set("opening the text");
  Material material(options);
  if (has_ended(options)) return true;

  // Declared before the network to outlive it: its messages read their memory.
  std::unique_ptr<pipeline::Stage> stage;
  std::optional<pipeline::StageWorker> worker;
  pipeline::Network network;
  state.set("meeting the other ranks");
  const nn::Stopwatch meeting;
  join_meeting(options, access);
  access.largest_message = pipeline::largest_message(config);
  Mailbox mailbox(network, access);
  try {
    mailbox.expect(pipeline::Protocol(config, options.rank, !options.is_cut_measured));
    connect(options, mailbox, pipeline::terms(config), access.deadline);
    if (options.rank == 0 && !options.meeting.empty())
      std::cout << "met: " << config.topology.ranks() << " ranks after " << std::fixed
                << std::setprecision(1) << meeting.seconds() << " s" << std::endl;
    state.set("agreeing on the cut");
    config.cut = agree_on_cut(options, mailbox);
    material.make_stage(options, stage);
    pipeline::Trace trace(options.has_trace);
    const double offset = options.has_trace ? pipeline::offset_to_rank_0(mailbox) : 0;
    worker.emplace(config, *stage, mailbox, material.windows_of(options), trace);
    std::optional<pipeline::Evaluation> evaluation;
    if (config.evaluate_every > 0)
      evaluation.emplace(config, *stage, mailbox, *material.windows.held_out);
    std::optional<Stories> stories;
    if (config.sample_every > 0) stories.emplace(config, *stage, mailbox, material.text);
    const StepsTaken taken = take_steps(
        options, material.description, folder, *stage, *worker,
        {evaluation ? &*evaluation : nullptr, stories ? &*stories : nullptr}, mailbox, state);
    state.set("saving");
    if (options.has_trace)
      write_events(options.out, options.rank, config.topology.ranks(), trace, offset);
    if (!options.rehearsal)
      save_model(options, *stage, material.text, mailbox, {{"step", std::to_string(taken.last)}});
    report_costs(options, *worker, mailbox, taken.seconds_per_step);
    mailbox.part();
    state.set("done");
    std::cout << "memory: rank " << options.rank << " took up to "
              << std::lround(static_cast<double>(tools::peak_memory()) / 1e6) << " MB" << std::endl;
    std::cout << summary_of(options.rank, mailbox.strangers()) << std::flush;
    if (taken.last < config.steps && options.rank == 0)
      std::cout << "stopped after step " << taken.last << " of " << config.steps << std::endl;
    return taken.last == config.steps;
  } catch (const pipeline::PeerLost& lost) {
    mailbox.announce_failure(lost.news);
    throw;
  } catch (const Mailbox::Stopped&) {
    mailbox.announce_failure(nn::concat("rank ", options.rank, " was told to stop"));
    throw;
  } catch (const std::exception& error) {
    mailbox.announce_failure(nn::concat("rank ", options.rank, " failed: ", error.what()));
    throw;
  }
}

}  // namespace training
