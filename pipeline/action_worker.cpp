#include "pipeline/action_worker.h"

#include <algorithm>
#include <span>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "pipeline/split_head/head_layout.h"

namespace pipeline {

ActionWorker::ActionWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
                           Trace& trace, Callbacks callbacks)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      trace_(trace),
      callbacks_(std::move(callbacks)),
      own_stage_(config.topology.stage(mailbox.rank())),
      own_pipeline_(config.topology.pipeline(mailbox.rank())),
      placement_(placement_of(config)),
      head_worker_(config, stage, mailbox,
                   [this](int from, Tag tag, const std::string& what) {
                     return receive(from, tag, 0, what);
                   }),
      link_(config, mailbox),
      seconds_(config.chunks, Costs{0, 0, 0}) {
  stage.set_precision(nn::precision_named(config.precision));
  stage.set_rounding(activation_wire_named(config.wire).is_bf16);
}

void ActionWorker::run(int step, const Schedule& schedule, int count) {
  step_ = step;
  count_ = count;
  for (const Action& action : schedule) {
    look(action);
    on_action(action.work, action.microbatch);
    take(action);
  }
}

void ActionWorker::look(Action action) {
  mailbox_.progress(doing(action));
  callbacks_.advance();
}

void ActionWorker::take(Action action) {
  switch (action.work) {
    case Work::forward:
      return forward(action);
    case Work::backward:
      return backward(action);
    case Work::weights:
      return weights(action);
    case Work::scores:
      return scores(action);
    case Work::head:
      return head(action);
  }
}

void ActionWorker::forward(Action action) {
  const int chunk = action.chunk;
  std::optional<Message> message;
  if (!stage_.is_first(chunk)) message = receive(Tag::activation, action, -1);
  const Batch batch = callbacks_.batch(action.microbatch);
  nn::ConstView y;
  do_timed(Kind::forward, action, &Costs::forward, [&] {
    y = stage_.forward(chunk, action.microbatch, batch,
                       message ? link_.numbers_of(*message) : std::span<const nn::real>());
  });
  if (feeds_head(action))
    return head_worker_.send_input(step_, action.microbatch, y,
                                   stage_.lease(chunk, action.microbatch));
  if (!stage_.has_loss(chunk)) return send(Tag::activation, action, 1, y);
  callbacks_.on_loss(action.microbatch, y.data[0]);
}

// Whether the action belongs to the last part of the model, before a split head.
bool ActionWorker::feeds_head(Action action) const {
  return config_.splits_head && placement_.part(own_stage_, action.chunk) == placement_.parts() - 1;
}

void ActionWorker::backward(Action action) {
  const int chunk = action.chunk;
  const nn::real weight = callbacks_.weight(action.microbatch);
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

HeadSum ActionWorker::sum_scores(Action action) {
  const Batch batch = callbacks_.batch(action.microbatch);
  HeadSum sum = head_worker_.sum(
      step_, action.microbatch, batch.targets, callbacks_.weight(action.microbatch),
      [&](const auto& work) { do_timed(Kind::backward, action, &Costs::backward, work); });
  callbacks_.on_loss(action.microbatch, sum.loss);
  return sum;
}

void ActionWorker::scores(Action action) {
  const Batch batch = callbacks_.batch(action.microbatch);
  head_worker_.scores(
      step_, action.microbatch, batch.targets, callbacks_.weight(action.microbatch),
      [&](const auto& work) { do_timed(Kind::scores, action, &Costs::scores, work); });
}

void ActionWorker::head(Action action) {
  head_worker_.weights(step_, action.microbatch,
                       [&](const auto& work) { do_timed(Kind::head, action, &Costs::head, work); });
  stage_.on_gradients(rows_block_of(config_));
  if (is_last(action)) callbacks_.on_block(rows_block_of(config_));
}

void ActionWorker::do_timed(Kind kind, Action action, double Costs::*cost,
                            const std::function<void()>& work) {
  const Stopwatch stopwatch;
  const double start = wall_time(), before = nn::thread_seconds();
  work();
  seconds_at_work_ += nn::thread_seconds() - before;
  add_event(kind, action.microbatch, action.chunk, start);
  seconds_[action.chunk].*cost += stopwatch.seconds();
}

// In the last microbatch the blocks are finished one by one.
void ActionWorker::weights(Action action) {
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
    callbacks_.on_block(block);
    look(action);
    start = wall_time(), before = nn::thread_seconds();
    stopwatch = {};
  });
  if (!is_last(action)) finish();
}

int ActionWorker::rank_of(int part) const {
  return config_.topology.rank(own_pipeline_, placement_.stage(part));
}

// A message is tagged with the part of the model that receives it. `offset`: -1 for the part
// before, 1 for the next one, which may be on this rank, too: the mailbox then hands over the
// memory.
Message ActionWorker::receive(Tag::Kind kind, Action action, int offset) {
  const int to = placement_.part(own_stage_, action.chunk);
  const int from = rank_of(to + offset);
  return receive(from, {kind, step_, action.microbatch, to}, action.chunk,
                 kind == Tag::activation ? "the activation" : "the gradient");
}

Message ActionWorker::receive(int from, Tag tag, int chunk, const std::string& what) {
  const double start = wall_time();
  if (std::optional<Message> message = mailbox_.try_receive(from, tag)) {
    add_event(Kind::receive, tag.item, chunk, start);
    return *std::move(message);
  }
  std::optional<Message> message;
  mailbox_.wait(
      [&] {
        callbacks_.advance();
        return (message = mailbox_.try_receive(from, tag)).has_value();
      },
      nn::concat(place(), " waited for ", what, " of microbatch ", tag.item, " from rank ", from));
  add_event(Kind::wait, tag.item, chunk, start);
  return *std::move(message);
}

void ActionWorker::send(Tag::Kind kind, Action action, int offset, nn::ConstView numbers) {
  const int to = placement_.part(own_stage_, action.chunk) + offset;
  const double start = wall_time();
  link_.send(rank_of(to), {kind, step_, action.microbatch, to}, numbers.span(),
             stage_.lease(action.chunk, action.microbatch));
  add_event(Kind::send, action.microbatch, action.chunk, start);
}

std::string ActionWorker::place() const {
  return nn::concat("rank ", mailbox_.rank(), " (pipeline ", own_pipeline_, ", stage ", own_stage_,
                    ") at step ", step_ + 1);
}

std::string ActionWorker::doing(Action action) const {
  return nn::concat(place(), " was at the ", name_of(kind_of(action.work)), " of microbatch ",
                    action.microbatch);
}

void ActionWorker::add_event(Kind kind, int item, int chunk, double start) {
  trace_.add(kind, step_ + 1, item, chunk, start, wall_time());
}

void ActionWorker::forget_seconds() {
  std::ranges::fill(seconds_, Costs{0, 0, 0});
  last_w_seconds_.clear();
  seconds_at_work_ = 0;
}

double ActionWorker::last_seconds_of_weights(int block) const {
  const auto found = last_w_seconds_.find(block);
  return found == last_w_seconds_.end() ? 0 : found->second;
}

}  // namespace pipeline
