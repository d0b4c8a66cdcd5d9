#include "pipeline/stage_worker.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/exact_sum.h"
#include "nn/real.h"
#include "pipeline/protocol.h"
#include "pipeline/split_head/head_layout.h"

namespace pipeline {

StageWorker::StageWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
                         const data::Windows* windows, Trace& trace)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      windows_(windows),
      trace_(trace),
      own_stage_(config.topology.stage(mailbox.rank())),
      own_pipeline_(config.topology.pipeline(mailbox.rank())),
      share_(microbatches_of(config, own_pipeline_)),
      placement_(placement_of(config)),
      schedule_(plan_of(config, own_pipeline_).stages.at(own_stage_)),
      gradients_(config, stage, mailbox, trace),
      outer_steps_(config, stage, mailbox, trace),
      head_worker_(config, stage, mailbox,
                   [this](int from, Tag tag, const std::string& what) {
                     return receive(from, tag, 0, what);
                   }),
      link_(config, mailbox),
      seconds_(config.chunks, Costs{0, 0, 0}) {
  mailbox.expect(Protocol(config, mailbox.rank()));
  stage.set_precision(nn::precision_named(config.precision));
  stage.set_rounding(activation_wire_named(config.wire).is_bf16);
  if (config.has_exact_sums) stage.on_gradients = [this](int block) { gradients_.add(block); };
}

std::optional<double> StageWorker::step(int step) {
  step_ = step;
  mailbox_.begin_step(step);
  loss_ = 0;
  losses_.assign(config_.all_microbatches(), 0);
  gradients_.begin_step(step);
  const double before = seconds_beside_updates();
  for (const Action& action : schedule_) {
    mailbox_.progress(doing(action));
    advance();
    on_action(action.work, action.microbatch);
    switch (action.work) {
      case Work::forward:
        forward(action);
        break;
      case Work::backward:
        backward(action);
        break;
      case Work::weights:
        weights(action);
        break;
      case Work::scores:
        scores(action);
        break;
      case Work::head:
        head(action);
        break;
    }
  }
  ++steps_done_;
  const bool counts = gradients_.finish_step(place(), losses_);
  outer_steps_.finish_step(step, place());
  const std::optional<double> loss = exchange_losses();
  thread_seconds_ += seconds_beside_updates() - before;
  if (counts) return loss;
  ++steps_skipped;
  return std::nullopt;
}

double StageWorker::seconds_beside_updates() const {
  return nn::thread_seconds() - gradients_.seconds_at_work() - outer_steps_.seconds_at_work();
}

void StageWorker::advance() {
  gradients_.advance();
  outer_steps_.advance();
}

void StageWorker::forward(Action action) {
  const int chunk = action.chunk;
  std::optional<Message> message;
  if (!stage_.is_first(chunk)) message = receive(Tag::activation, action, -1);
  const Batch batch = read_batch(action.microbatch);
  nn::ConstView y;
  do_timed(Kind::forward, action, &Costs::forward, [&] {
    y = stage_.forward(chunk, action.microbatch, batch,
                       message ? link_.numbers_of(*message) : std::span<const nn::real>());
  });
  if (feeds_head(action))
    return head_worker_.send_input(step_, action.microbatch, y,
                                   stage_.lease(chunk, action.microbatch));
  if (!stage_.has_loss(chunk)) return send(Tag::activation, action, 1, y);
  add_loss(action.microbatch, y.data[0]);
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

// Whether the action belongs to the last part of the model, before a divided head.
bool StageWorker::feeds_head(Action action) const {
  return config_.splits_head && placement_.part(own_stage_, action.chunk) == placement_.parts() - 1;
}

void StageWorker::backward(Action action) {
  const int chunk = action.chunk;
  const nn::real weight = weight_of_loss();
  std::optional<Message> message;
  std::optional<HeadSum> sum;
  std::span<const nn::real> gradient(&weight, 1);
  if (feeds_head(action)) {
    sum = sum_scores(action);
    gradient = sum->gradient;
  } else if (!stage_.has_loss(chunk)) {
    message = receive(Tag::gradient, action, 1);
    gradient = link_.numbers_of(*message);
  }
  nn::ConstView dx;
  do_timed(Kind::backward, action, &Costs::backward,
           [&] { dx = stage_.backward(chunk, action.microbatch, gradient); });
  if (!stage_.is_first(chunk)) send(Tag::gradient, action, -1, dx);
}

HeadSum StageWorker::sum_scores(Action action) {
  const Batch batch = read_batch(action.microbatch);
  HeadSum sum = head_worker_.sum(
      step_, action.microbatch, batch.targets, weight_of_loss(),
      [&](const auto& work) { do_timed(Kind::backward, action, &Costs::backward, work); });
  add_loss(action.microbatch, sum.loss);
  return sum;
}

void StageWorker::scores(Action action) {
  const Batch batch = read_batch(action.microbatch);
  head_worker_.scores(
      step_, action.microbatch, batch.targets, weight_of_loss(),
      [&](const auto& work) { do_timed(Kind::scores, action, &Costs::scores, work); });
}

void StageWorker::head(Action action) {
  head_worker_.weights(step_, action.microbatch,
                       [&](const auto& work) { do_timed(Kind::head, action, &Costs::head, work); });
  stage_.on_gradients(rows_block_of(config_));
  if (is_last(action)) gradients_.start(rows_block_of(config_));
}

void StageWorker::do_timed(Kind kind, Action action, double Costs::* cost,
                           const std::function<void()>& work) {
  const Stopwatch stopwatch;
  const double start = wall_time(), before = nn::thread_seconds();
  work();
  seconds_at_work_ += nn::thread_seconds() - before;
  add_event(kind, action.microbatch, action.chunk, start);
  seconds_[action.chunk].*cost += stopwatch.seconds();
}

// In the last microbatch the blocks are finished one by one, and reduced while work continues.
void StageWorker::weights(Action action) {
  double start = wall_time(), before = nn::thread_seconds();
  Stopwatch stopwatch;
  const auto finish = [&] {
    add_event(Kind::weights, action.microbatch, action.chunk, start);
    const double seconds = stopwatch.seconds();
    seconds_[action.chunk].weights += seconds;
    seconds_at_work_ += nn::thread_seconds() - before;
    return seconds;
  };
  stage_.weights(action.chunk, action.microbatch, [&](int block) {
    if (!is_last(action)) return;
    last_w_seconds_[block] += finish();
    gradients_.start(block);
    mailbox_.progress(doing(action));
    advance();
    start = wall_time(), before = nn::thread_seconds();
    stopwatch = {};
  });
  if (!is_last(action)) finish();
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

int StageWorker::rank_of(int part) const {
  return config_.topology.rank(own_pipeline_, placement_.stage(part));
}

// A message is tagged with the part of the model that receives it. `offset`: -1 for the part
// before, 1 for the next one, which may be on this rank, too: the mailbox then hands over the
// memory.
Message StageWorker::receive(Tag::Kind kind, Action action, int offset) {
  const int to = placement_.part(own_stage_, action.chunk);
  const int from = rank_of(to + offset);
  return receive(from, {kind, step_, action.microbatch, to}, action.chunk,
                 kind == Tag::activation ? "the activation" : "the gradient");
}

Message StageWorker::receive(int from, Tag tag, int chunk, const std::string& what) {
  const double start = wall_time();
  if (std::optional<Message> message = mailbox_.try_receive(from, tag)) {
    add_event(Kind::receive, tag.item, chunk, start);
    return *std::move(message);
  }
  std::optional<Message> message;
  mailbox_.wait(
      [&] {
        advance();
        return (message = mailbox_.try_receive(from, tag)).has_value();
      },
      nn::concat(place(), " waited for ", what, " of microbatch ", tag.item, " from rank ", from));
  add_event(Kind::wait, tag.item, chunk, start);
  return *std::move(message);
}

void StageWorker::send(Tag::Kind kind, Action action, int offset, nn::ConstView numbers) {
  const int to = placement_.part(own_stage_, action.chunk) + offset;
  const double start = wall_time();
  link_.send(rank_of(to), {kind, step_, action.microbatch, to}, numbers.span(),
             stage_.lease(action.chunk, action.microbatch));
  add_event(Kind::send, action.microbatch, action.chunk, start);
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
  const double steps = std::max(1, steps_done_), times = steps * share_.count;
  for (std::size_t number = 0; number < work.size(); ++number) {
    ChunkWork& chunk = work[number];
    const Costs& all = seconds_[number];
    chunk.costs = {all.forward / times, all.backward / times, all.weights / times,
                   all.scores / times, all.head / times};
    double last = 0;
    const auto seconds_of = [&](const BlockWork& block) {
      const auto found = last_w_seconds_.find(block.number);
      return found == last_w_seconds_.end() ? 0 : found->second;
    };
    for (const BlockWork& block : chunk.blocks) last += seconds_of(block);
    for (BlockWork& block : chunk.blocks) {
      if (last > 0) block.share = seconds_of(block) / last;
      block.update = gradients_.update_seconds(block.number) / steps;
    }
    if (chunk.rows) chunk.rows->update = gradients_.update_seconds(chunk.rows->number) / steps;
  }
  return work;
}

double StageWorker::seconds_per_action() const {
  const std::size_t blocks = stage_.all_blocks().size();  // one more look for each but the last
  return std::max(0.0, thread_seconds_ - seconds_at_work_) /
         static_cast<double>(std::max(1, steps_done_) * (schedule_.size() + blocks));
}

std::string StageWorker::place() const {
  return nn::concat("rank ", mailbox_.rank(), " (pipeline ", own_pipeline_, ", stage ", own_stage_,
                    ") at step ", step_ + 1);
}

std::string StageWorker::doing(Action action) const {
  return nn::concat(place(), " was at the ", name_of(kind_of(action.work)), " of microbatch ",
                    action.microbatch);
}

void StageWorker::add_event(Kind kind, int item, int chunk, double start) {
  trace_.add(kind, step_ + 1, item, chunk, start, wall_time());
}

}  // namespace pipeline
