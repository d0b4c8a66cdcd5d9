#include "pipeline/stage_worker.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "nn/base/error.h"
#include "nn/team.h"
#include "pipeline/protocol.h"

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
      placement_(placement_of(config)),
      schedule_(plan_of(config).stages.at(own_stage_)),
      learning_rate_(config.warmup > 0
                         ? nn::warmup_cosine_rate(config.learning_rate, config.warmup, config.steps)
                         : nn::constant_rate(config.learning_rate)),
      tied_(config, stage, mailbox),
      seconds_(config.chunks, Costs{0, 0, 0}) {
  for (int chunk = 0; chunk < config.chunks; ++chunk)
    for (int block : stage.blocks(chunk))
      optimizers_[block] = std::make_unique<nn::Adam>(config.learning_rate);
  mailbox.expect(Protocol(config, mailbox.rank()));
}

std::optional<double> StageWorker::step(int step) {
  step_ = step;
  mailbox_.begin_step(step);
  loss_ = 0;
  is_step_bad_ = false;
  for (const Action& action : schedule_) {
    mailbox_.progress(doing(action));
    advance_reductions();
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
    }
  }
  const double start = wall_time();
  mailbox_.wait(
      [this] {
        advance_reductions();
        return reductions_.empty() && !tied_.is_under_way();
      },
      nn::concat(place(), " waited for gradients from other ranks"));
  if (config_.topology.pipelines > 1) add_event(Kind::wait, 0, 0, start);
  ++steps_done_;
  std::optional<double> loss = exchange_losses();
  if (!config_.skips_bad_steps) return loss;

  const bool is_bad = is_on_any_rank(mailbox_, is_step_bad_, {Tag::verdict, step_},
                                     place() + " waited for the verdict on the step");
  if (is_bad) {
    ++steps_skipped;
    stage_.model().parameters().zero_gradients();
    return std::nullopt;
  }
  for (auto& [block, optimizer] : optimizers_) update(block);
  return loss;
}

void StageWorker::forward(Action action) {
  const int chunk = action.chunk;
  std::optional<Message> message;
  if (!stage_.is_first(chunk)) message = receive(Tag::activation, action, -1);
  const Batch batch = read_batch(action.microbatch);
  const Stopwatch stopwatch;
  const double start = wall_time();
  const nn::ConstView y = stage_.forward(
      chunk, action.microbatch, batch, message ? message->numbers() : std::span<const nn::real>());
  add_event(Kind::forward, action.microbatch, chunk, start);
  seconds_[chunk].forward += stopwatch.seconds();
  if (!stage_.is_last(chunk)) return send(Tag::activation, action, 1, y);
  loss_ += static_cast<double>(y.data[0]) / config_.microbatches;
  if (!std::isfinite(y.data[0]))
    found_bad(stage_.model().head_block(),
              nn::concat("the loss of step ", step_ + 1, " is ", y.data[0]));
}

void StageWorker::backward(Action action) {
  const int chunk = action.chunk;
  const std::array<nn::real, 1> share{nn::real(1) / static_cast<nn::real>(config_.microbatches)};
  std::optional<Message> message;
  if (!stage_.is_last(chunk)) message = receive(Tag::gradient, action, 1);
  const Stopwatch stopwatch;
  const double start = wall_time();
  const nn::ConstView dx =
      stage_.backward(chunk, action.microbatch, message ? message->numbers() : std::span(share));
  add_event(Kind::backward, action.microbatch, chunk, start);
  seconds_[chunk].backward += stopwatch.seconds();
  if (!stage_.is_first(chunk)) send(Tag::gradient, action, -1, dx);
}

// In the last microbatch the blocks are finished one by one, and reduced while work continues.
void StageWorker::weights(Action action) {
  const bool is_last = action.microbatch == config_.microbatches - 1;
  double start = wall_time();
  Stopwatch stopwatch;
  const auto finish = [&] {
    add_event(Kind::weights, action.microbatch, action.chunk, start);
    seconds_[action.chunk].weights += stopwatch.seconds();
  };
  stage_.weights(action.chunk, action.microbatch, [&](int block) {
    if (!is_last) return;
    finish();
    start_reduction(block);
    mailbox_.progress(doing(action));
    advance_reductions();
    start = wall_time();
    stopwatch = {};
  });
  if (!is_last) finish();
}

// A step's windows go in order to pipelines, then to microbatches, then to sequences.
Batch StageWorker::read_batch(int microbatch) {
  if (!windows_) return {};
  const int sequences = config_.sequences(), length = config_.length;
  const std::int64_t first = static_cast<std::int64_t>(step_) * config_.batch +
                             (own_pipeline_ * config_.microbatches + microbatch) * sequences;
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
  const Tag tag{kind, step_, action.microbatch, to};
  const double start = wall_time();
  if (std::optional<Message> message = mailbox_.try_receive(from, tag)) {
    add_event(Kind::receive, action.microbatch, action.chunk, start);
    return *std::move(message);
  }
  std::optional<Message> message;
  mailbox_.wait(
      [&] {
        advance_reductions();
        return (message = mailbox_.try_receive(from, tag)).has_value();
      },
      nn::concat(place(), " waited for the ", kind == Tag::activation ? "activation" : "gradient",
                 " of microbatch ", action.microbatch, " from rank ", from));
  add_event(Kind::wait, action.microbatch, action.chunk, start);
  return *std::move(message);
}

void StageWorker::send(Tag::Kind kind, Action action, int offset, nn::ConstView numbers) {
  const int to = placement_.part(own_stage_, action.chunk) + offset;
  const double start = wall_time();
  mailbox_.send(rank_of(to), {kind, step_, action.microbatch, to}, numbers.span(),
                stage_.lease(action.chunk, action.microbatch));
  add_event(Kind::send, action.microbatch, action.chunk, start);
}

void StageWorker::start_reduction(int block) {
  if (config_.topology.pipelines == 1) return tie_gradients(block);
  const auto [offset, size] = stage_.model().range(block);
  Reduction& reduction = reductions_.emplace_back();
  reduction.block = block;
  reduction.start = wall_time();
  reduction.ring.emplace(mailbox_, config_.topology.stage_group(own_stage_), own_pipeline_,
                         stage_.model().parameters().gradients().subspan(offset, size), step_,
                         block, reduction.lease);
}

void StageWorker::advance_reductions() {
  std::erase_if(reductions_, [this](Reduction& reduction) {
    if (!reduction.ring->advance()) return false;
    add_event(Kind::reduce, reduction.block, 0, reduction.start);
    tie_gradients(reduction.block);
    return true;
  });
  advance_tied();
}

void StageWorker::tie_gradients(int block) {
  if (!std::ranges::count(tied_.blocks(), block)) return finish_gradients(block);
  tied_.start(step_);
  advance_tied();
}

void StageWorker::advance_tied() {
  if (!tied_.advance()) return;
  for (int block : tied_.blocks()) finish_gradients(block);
}

// If bad steps are skipped, updates wait for the verdict of all ranks.
void StageWorker::finish_gradients(int block) {
  const Stopwatch stopwatch;
  const auto [offset, size] = stage_.model().range(block);
  const auto gradients = stage_.model().parameters().gradients().subspan(offset, size);
  on_gradients(block, gradients);
  if (!nn::all_finite(gradients, stage_.team()))
    found_bad(block, nn::concat("a gradient of step ", step_ + 1, " is not finite"));
  update_seconds_ += stopwatch.seconds();
  if (!config_.skips_bad_steps) update(block);
}

void StageWorker::found_bad(int block, const std::string& what) {
  is_step_bad_ = true;
  if (config_.skips_bad_steps) return;
  const std::string name = block == 0                             ? "the embedding"
                           : block == stage_.model().head_block() ? "the head"
                                                                  : nn::concat("layer ", block - 1);
  throw nn::InputError(
      nn::concat(what, ", in ", name, " on stage ", own_stage_),
      "choose a lower --lr, or a --warmup; --skip-bad-steps continues without such steps");
}

nn::Optimizer::State StageWorker::optimizer_state(int block) {
  return optimizers_.at(block)->state(stage_.model().range(block).size);
}

void StageWorker::update(int block) {
  const double start = wall_time();
  const Stopwatch stopwatch;
  const auto [offset, size] = stage_.model().range(block);
  const auto gradients = stage_.model().parameters().gradients().subspan(offset, size);
  nn::Optimizer& optimizer = *optimizers_.at(block);
  optimizer.set_learning_rate(learning_rate_(step_));
  nn::Team& team = stage_.team();
  optimizer.step(stage_.model().parameters().values().subspan(offset, size), gradients, team);
  team.split(size, 16384, [gradients](nn::index begin, nn::index end) {
    std::ranges::fill(gradients.subspan(begin, end - begin), nn::real(0));
  });
  add_event(Kind::update, block, 0, start);
  update_seconds_ += stopwatch.seconds();
}

std::optional<double> StageWorker::exchange_losses() {
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
  return sum / config_.topology.pipelines;
}

std::vector<Costs> StageWorker::measured_costs() const {
  std::vector<Costs> costs = seconds_;
  const double times = std::max(1, steps_done_ * config_.microbatches);
  for (Costs& cost : costs)
    cost = {cost.forward / times, cost.backward / times,
            (cost.weights + update_seconds_ / config_.chunks) / times};
  return costs;
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
