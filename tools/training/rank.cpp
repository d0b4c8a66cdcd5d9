#include "tools/training/rank.h"

#include <algorithm>
#include <iostream>

#include "nn/checkpoint_folder.h"
#include "nn/checksum.h"
#include "nn/file.h"
#include "nn/folder_lock.h"
#include "nn/llama_checkpoint.h"
#include "pipeline/clock.h"
#include "pipeline/protocol.h"
#include "pipeline/worker.h"
#include "tools/training/access.h"
#include "tools/training/measure.h"
#include "tools/training/progress.h"
#include "tools/training/report.h"
#include "tools/training/steps.h"

namespace training {

namespace {

using pipeline::Job, pipeline::Mailbox, pipeline::Tag, pipeline::Topology;

bool reads_text(const Job& job, int rank) {
  const int stage = job.topology.stage(rank);
  return stage == 0 || stage == job.topology.stages - 1;
}

// Rank 0 measures and tells the others.
pipeline::Cut agree_on_cut(const RankOptions& options, Mailbox& mailbox) {
  const Job& job = options.job;
  if (!options.is_cut_measured) return job.cut;
  const int layers = static_cast<int>(job.model.layers), parts = static_cast<int>(job.cut.size());
  if (options.rank != 0)
    return pipeline::parse_cut(
        mailbox.receive(0, {Tag::cut}, "waiting for rank 0 to choose the cut").text(), layers,
        parts);
  const pipeline::Cut cut = pipeline::best_cut(
      measure_pieces(job, options.threads, [&] { mailbox.progress("rank 0 measured the pieces"); }),
      layers, job.topology.stages, job.chunks, *pipeline::find_schedule(job.schedule),
      job.microbatches, 0, static_cast<double>(options.cores) / job.topology.pipelines);
  for (int other = 1; other < mailbox.ranks(); ++other)
    mailbox.send_text(other, {Tag::cut}, pipeline::to_text(cut));
  return cut;
}

// The first pipeline's ranks write a shard each; the index comes last, when all are there.
void save(const RankOptions& options, pipeline::Stage& stage, const data::Text& text,
          Mailbox& mailbox) {
  const Job& job = options.job;
  const Topology& topology = job.topology;
  const std::filesystem::path folder = options.out / "checkpoint";
  if (topology.pipeline(options.rank) != 0) return;
  nn::write_shard(folder, stage.model(), topology.stage(options.rank), topology.stages);
  if (options.rank != 0) return mailbox.send_text(0, {Tag::report, 1}, "saved");
  std::vector<std::vector<int>> cut(topology.stages);
  for (int s = 0; s < topology.stages; ++s) {
    if (s > 0) mailbox.receive(topology.rank(0, s), {Tag::report, 1}, "saving the model");
    for (const auto& chunk : pipeline::pieces_of(job, s))
      cut[s].insert(cut[s].end(), chunk.begin(), chunk.end());
  }
  nn::write_config(folder, job.model);
  if (!text.tokenizer_json.empty())
    nn::write_file_atomically(folder / "tokenizer.json", nn::read_file(text.tokenizer_json));
  nn::write_index(folder, job.model, cut);
  std::cout << "model: " << folder.string() << std::endl;
}

}  // namespace

void require_valid_checkpoints(const RankOptions& options) {
  if (options.checkpoint.empty()) {
    if (options.is_resumed)
      throw nn::InputError("there is no folder to resume from",
                           "name it with --checkpoint, as in the run that is to go on");
  } else if (!options.is_resumed && !nn::CheckpointFolder(options.checkpoint).is_empty()) {
    throw nn::InputError(options.checkpoint.string() + " has checkpoints of an earlier run",
                         "--resume goes on with it; otherwise choose another --checkpoint");
  }
}

void run_rank(RankOptions options) {
  Job& job = options.job;
  Mailbox::Options access = mailbox_options(options);
  nn::require_writable_folder(options.out);
  std::optional<nn::FolderLock> lock;  // rank 0 has it for all, and looks again once it does
  if (!options.checkpoint.empty() && options.rank == 0) {
    lock.emplace(options.checkpoint, nn::FolderLock::short_patience);
    require_valid_checkpoints(options);
  } else if (!options.checkpoint.empty()) {
    nn::require_writable_folder(options.checkpoint);
  }
  State state(options.out, options.rank);
  state.set("opening the text");
  const data::Text text = data::open_text(options.text);
  job.model.vocabulary = text.tokens.vocabulary();
  job.text = nn::concat(text.tokens.ids().size(), " tokens, checksum ",
                        nn::crc32c(std::as_bytes(text.tokens.ids())));
  const data::Windows windows(text.tokens.ids(), job.length);

  // The network goes first: its messages read the memory of the stage and of the worker.
  std::optional<pipeline::Stage> stage;
  std::optional<pipeline::Worker> worker;
  pipeline::Network network;
  access.largest_message = pipeline::largest_message(job);
  Mailbox mailbox(network, access);
  try {
    mailbox.expect(pipeline::Protocol(job, options.rank, !options.is_cut_measured));
    state.set("meeting the others");
    mailbox.meet(pipeline::terms(job), access.deadline);
    state.set("agreeing on the cut");
    job.cut = agree_on_cut(options, mailbox);
    stage.emplace(job.model, pipeline::pieces_of(job, job.topology.stage(options.rank)),
                  job.sequences(), job.length, job.seed, options.threads);
    if (!options.init.empty()) nn::load_llama(options.init, stage->model());
    if (options.rank == 0) std::cout << "text: " << text.description << std::endl;
    pipeline::Trace trace(options.has_trace);
    const double offset = options.has_trace ? pipeline::offset_to_rank_0(mailbox) : 0;
    worker.emplace(job, *stage, mailbox, reads_text(job, options.rank) ? &windows : nullptr, trace);
    const std::optional<double> seconds_per_step =
        take_steps(options, *stage, *worker, mailbox, state);
    state.set("saving");
    if (options.has_trace) write_events(options.out, options.rank, trace, offset);
    save(options, *stage, text, mailbox);
    report_costs(options, *worker, mailbox, seconds_per_step);
    mailbox.part();
    state.set("done");
    std::cout << summary_of(options.rank, mailbox.strangers()) << std::flush;
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
