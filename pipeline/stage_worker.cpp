#include "pipeline/stage_worker.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/exact_sum.h"
#include "nn/real.h"
#include "pipeline/optimizers.h"
#include "pipeline/protocol.h"

namespace pipeline {

StageWorker::StageWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
                         const data::Windows* windows, Trace& trace)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      windows_(windows),
      own_stage_(config.topology.stage(mailbox.rank())),
      own_pipeline_(config.topology.pipeline(mailbox.rank())),
      share_(microbatches_of(config, own_pipeline_)),
      placement_(placement_of(config)),
      schedule_(plan_of(config, own_pipeline_).stages.at(own_stage_)),
      gradients_(config, stage, mailbox, trace),
      outer_steps_(config, stage, mailbox, trace),
      actions_(config, stage, mailbox, trace,
               {.batch = [this](int microbatch) { return read_batch(microbatch); },
                .weight = [this](int) { return weight_of_loss(); },
                .on_loss = [this](int microbatch, nn::real loss) { add_loss(microbatch, loss); },
                .on_block = [this](int block) { gradients_.start(block); },
                .advance = [this] { advance(); }}) {
  mailbox.expect(Protocol(config, mailbox.rank()));
  if (config.has_exact_sums) stage.on_gradients = [this](int block) { gradients_.add(block); };
}

std::optional<double> StageWorker::step(int step) {
  if (steps_done_ == 1) forget_first_step();
  step_ = step;
  mailbox_.begin_step(step);
  loss_ = 0;
  losses_.assign(config_.all_microbatches(), 0);
  gradients_.begin_step(step);
  const double before = seconds_beside_updates(), work_before = seconds_of_work();
  actions_.run(step, schedule_, share_.count);
  ++steps_done_;
  const bool counts = gradients_.finish_step(place(), losses_);
  outer_steps_.finish_step(step, place());
  const std::optional<double> loss = exchange_losses();
  thread_seconds_ += seconds_beside_updates() - before;
  if (steps_done_ > 1) spread_.add(seconds_of_work() - work_before);
  if (counts) return loss;
  ++steps_skipped;
  return std::nullopt;
}

// It is slower where memory is touched for the first time. It counts only in a run of one step.
void StageWorker::forget_first_step() {
  actions_.forget_seconds();
  gradients_.forget_seconds();
  thread_seconds_ = 0;
}

double StageWorker::seconds_beside_updates() const {
  return nn::thread_seconds() - gradients_.seconds_at_work() - outer_steps_.seconds_at_work();
}

double StageWorker::seconds_of_work() const {
  double sum = 0;
  for (const Costs& chunk : actions_.seconds()) sum += chunk.sum();
  for (const int block : stage_.all_blocks()) sum += gradients_.update_seconds(block);
  return sum;
}

void StageWorker::advance() {
  gradients_.advance();
  outer_steps_.advance();
}

void StageWorker::add_loss(int microbatch, nn::real loss) {
  losses_[share_.first + microbatch] = config_.has_exact_sums ? nn::exact_term(loss) : loss;
  if (config_.has_exact_sums)
    loss_ += nn::exact_term(loss);
  else
    loss_ += static_cast<double>(loss) / config_.microbatches;
  if (!std::isfinite(loss))
    gradients_.found_bad(stage_.model().head_block(),
                         nn::concat("the loss of step ", step_ + 1, " is ", loss));
}

// Exact sums are divided in the end, so that the terms do not depend on how they are shared out.
nn::real StageWorker::weight_of_loss() const {
  return config_.has_exact_sums ? 1 : nn::real(1) / static_cast<nn::real>(config_.microbatches);
}

// A step's windows go in order to microbatches of all pipelines, then to sequences.
Batch StageWorker::read_batch(int microbatch) {
  if (!windows_) return {};
  const int sequences = config_.sequences(), length = config_.length;
  const std::int64_t first =
      static_cast<std::int64_t>(step_) * config_.batch + (share_.first + microbatch) * sequences;
  ids_.resize(static_cast<std::size_t>(sequences) * length);
  targets_.assign(ids_.size(), -1);  // a window's last token has no successor
  for (int s = 0; s < sequences; ++s) {
    const auto ids = std::span(ids_).subspan(static_cast<std::size_t>(s) * length, length);
    windows_->copy(first + s, ids);
    std::ranges::copy(ids.subspan(1), targets_.begin() + static_cast<std::ptrdiff_t>(s) * length);
  }
  return {ids_, targets_};
}

std::optional<double> StageWorker::exchange_losses() {
  if (config_.is_elastic) return gradients_.verdict().losses / config_.all_microbatches();
  if (own_stage_ != placement_.last_stage()) return std::nullopt;
  const int recorder = recorder_of(config_);
  if (mailbox_.rank() != recorder) {
    mailbox_.send_number(recorder, {Tag::loss, step_}, loss_);
    return loss_;
  }
  double sum = loss_;
  for (int pipeline = 1; pipeline < config_.topology.pipelines; ++pipeline) {
    const int from = config_.topology.rank(pipeline, own_stage_);
    sum += mailbox_.receive_number(from, {Tag::loss, step_},
                                   nn::concat(place(), " waited for the loss of rank ", from));
  }
  return sum / (config_.has_exact_sums ? config_.all_microbatches() : config_.pipelines_of_batch());
}

std::vector<ChunkWork> StageWorker::measured_work() const {
  std::vector<ChunkWork> work = blocks_of_stage(config_, own_stage_);
  const double steps = steps_measured(), times = steps * share_.count;
  for (std::size_t number = 0; number < work.size(); ++number) {
    ChunkWork& chunk = work[number];
    const Costs& all = actions_.seconds()[number];
    chunk.costs = {all.forward / times, all.backward / times, all.weights / times,
                   all.scores / times, all.head / times};
    double last = 0;
    for (const BlockWork& block : chunk.blocks)
      last += actions_.last_seconds_of_weights(block.number);
    for (BlockWork& block : chunk.blocks) {
      if (last > 0) block.share = actions_.last_seconds_of_weights(block.number) / last;
      block.update = gradients_.update_seconds(block.number) / steps;
    }
    if (chunk.rows) chunk.rows->update = gradients_.update_seconds(chunk.rows->number) / steps;
  }
  return work;
}

StageMemory StageWorker::measured_memory(double peak) const {
  StageMemory memory{.peak = peak};
  const auto arrays = static_cast<std::size_t>(optimizer_named(config_.optimizer).arrays);
  for (const int block : stage_.all_blocks()) {
    const std::size_t size = stage_.model().range(block).size;
    const std::size_t numbers = 2 * size + arrays * gradients_.share_of(block).length;
    memory.weights += static_cast<double>(numbers * sizeof(nn::real));
    if (config_.has_exact_sums) memory.weights += static_cast<double>(size * sizeof(double));
  }
  for (int chunk = 0; chunk < placement_.chunks(); ++chunk)
    memory.microbatch.push_back(stage_.bytes_of_microbatch(chunk));
  memory.rest = std::max(0.0, peak - memory.weights - stage_.bytes_of_flights());
  return memory;
}

double StageWorker::spread_of_microbatches() const {
  return spread_.mean_difference() / std::sqrt(share_.count);
}

double StageWorker::seconds_per_action() const {
  const std::size_t blocks = stage_.all_blocks().size();  // one more look for each but the last
  return std::max(0.0, thread_seconds_ - actions_.seconds_at_work()) /
         static_cast<double>(steps_measured() * (schedule_.size() + blocks));
}

}  // namespace pipeline
