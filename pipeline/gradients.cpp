#include "pipeline/gradients.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/gradient_norm.h"
#include "nn/team.h"
#include "pipeline/links.h"
#include "pipeline/optimizers.h"
#include "pipeline/shares.h"
#include "pipeline/split_head/head_layout.h"

namespace pipeline {

namespace {

const char* bad_step_hint(const TrainingConfig& config) {
  return config.trains_alone()
             ? "choose a lower --lr, or a --warmup"
             : "choose a lower --lr, or a --warmup; --skip-bad-steps continues without such steps";
}

}  // namespace

Gradients::Gradients(const TrainingConfig& config, Stage& stage, Mailbox& mailbox, Trace& trace)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      trace_(trace),
      learning_rate_(learning_rate_of(config)),
      sums_(config, stage),
      tied_(config, stage, mailbox) {
  for (int block : stage.all_blocks())
    blocks_[block] = {optimizer_named(config.optimizer).make(config.learning_rate),
                      pipeline::share_of(config, mailbox.rank(), block),
                      decaying_parts(stage.model(), block)};
}

void Gradients::begin_step(int step) {
  step_ = step;
  squares_.assign(count_blocks(config_), 0);
  is_prepared_ = false;
}

void Gradients::add(int block) {
  if (!sums_.add(block))
    found_bad(block, nn::concat("a gradient of step ", step_ + 1, " is not below ", sums_.limit(),
                                ", as --exact-sums needs it"));
}

void Gradients::start(int block) {
  const double start = nn::thread_seconds();
  begin(block);
  seconds_at_work_ += nn::thread_seconds() - start;
}

void Gradients::forget_seconds() {
  for (auto& [number, block] : blocks_) block.update_seconds = 0;
  ring_cost_ = {};
}

void Gradients::advance() {
  const double start = nn::thread_seconds();
  proceed();
  seconds_at_work_ += nn::thread_seconds() - start;
}

void Gradients::begin(int block) {
  if (config_.has_exact_sums) return start_exact(block);
  if (config_.trains_alone()) return tie(block);
  if (config_.topology.pipelines == 1) {
    if (const int full = config_.pipelines_of_batch(); full > 1)
      for (nn::real& gradient : stage_.gradients_of(block)) gradient /= static_cast<nn::real>(full);
    return tie(block);
  }
  exchange(is_shared_out(config_, block) ? RingWork::reduce_scatter : RingWork::all_reduce, block,
           stage_.gradients_of(block), [this, block] { tie(block); });
}

// The sums are added up in the first half of a ring, and their means go round in the second.
void Gradients::start_exact(int block) {
  const Topology& t = config_.topology;
  const std::span<double> sums = sums_.of(block);
  const Segment own = own_segment(sums.size(), t.pipelines, t.pipeline(mailbox_.rank()));
  if (t.pipelines == 1) {
    take_means(block, own);
    return tie(block);
  }
  exchange(RingWork::reduce_scatter, block, sums, [this, block, own] {
    take_means(block, own);
    if (is_shared_out(config_, block)) return tie(block);
    exchange(RingWork::all_gather, block, stage_.gradients_of(block),
             [this, block] { tie(block); });
  });
}

void Gradients::take_means(int block, Segment part) {
  const Stopwatch stopwatch;
  sums_.take_means(block, part);
  blocks_.at(block).update_seconds += stopwatch.seconds();
}

template <class Number>
void Gradients::exchange(RingWork work, int block, std::span<Number> values,
                         std::function<void()> then) {
  const double start = nn::thread_seconds();
  const Topology& t = config_.topology;
  const int rank = mailbox_.rank();
  Exchange& added = exchanges_.emplace_back();
  added.block = block;
  added.start = wall_time();
  added.then = std::move(then);
  const int divisor = config_.has_exact_sums ? 1 : config_.pipelines_of_batch();
  const auto ring =
      std::make_shared<Ring<Number>>(work, mailbox_, t.stage_group(t.stage(rank)), t.pipeline(rank),
                                     values, divisor, step_, block, added.lease);
  added.advance = [ring] { return ring->advance(); };
  const double halves = work == RingWork::all_reduce ? 2 : 1;
  ring_cost_.bytes +=
      halves * (t.pipelines - 1) / t.pipelines * static_cast<double>(values.size_bytes());
  ring_cost_.seconds += nn::thread_seconds() - start;
}

// What an exchange starts when it is done is looked at in the same turn: its messages may be here.
void Gradients::proceed() {
  advance_tied();
  for (auto at = exchanges_.begin(); at != exchanges_.end();) {
    const double start = nn::thread_seconds();
    const bool is_done = at->advance();
    ring_cost_.seconds += nn::thread_seconds() - start;
    if (!is_done) {
      ++at;
      continue;
    }
    trace_.add(Kind::reduce, step_ + 1, at->block, 0, at->start, wall_time());
    at->then();
    at = exchanges_.erase(at);
  }
}

void Gradients::tie(int block) {
  if (!std::ranges::count(tied_.blocks(), block)) return finish(block);
  tied_.start(step_);
  advance_tied();
}

void Gradients::advance_tied() {
  if (!tied_.advance()) return;
  for (int block : tied_.blocks()) finish(block);
}

// If bad steps are skipped or gradients are clipped, updates wait for the verdict of all ranks.
void Gradients::finish(int block) {
  const Stopwatch stopwatch;
  const auto [first, length] = share_of(block);
  const std::span<nn::real> gradients = stage_.gradients_of(block).subspan(first, length);
  on_gradients(block, gradients);
  if (!nn::all_finite(gradients, stage_.team()))
    found_bad(block, nn::concat("a gradient of step ", step_ + 1, " is not finite"));
  if (config_.clip_norm > 0) squares_[block] += squares_of(block);
  blocks_.at(block).update_seconds += stopwatch.seconds();
  if (!config_.has_verdicts()) update(block);
}

// All ranks of the group have the same gradients; each takes the segment of the ring that it
// averaged. With exact sums the first pipeline takes all, as the bits depend on the segments. A
// pipeline that trains alone takes all of its own.
double Gradients::squares_of(int block) {
  const Topology& t = config_.topology;
  const std::span<nn::real> gradients = stage_.gradients_of(block);
  const int pipeline = t.pipeline(mailbox_.rank());
  if (config_.has_exact_sums && pipeline > 0) return 0;
  const bool takes_all = config_.has_exact_sums || config_.trains_alone();
  const auto [first, length] = own_segment(gradients.size(), takes_all ? 1 : t.pipelines, pipeline);
  const auto squares_between = [&](std::size_t begin, std::size_t end) {
    begin = std::max(begin, first), end = std::min(end, first + length);
    return begin < end ? nn::sum_of_squares(gradients.subspan(begin, end - begin), stage_.team())
                       : 0.0;
  };
  const auto tied = stage_.model().tied_range(block);
  if (block == 0 || !tied) return squares_between(0, gradients.size());
  const std::size_t begin = tied->offset - stage_.model().range(block).offset;
  return squares_between(0, begin) + squares_between(begin + tied->size, gradients.size());
}

void Gradients::found_bad(int block, const std::string& what) {
  squares_[block] = std::numeric_limits<double>::quiet_NaN();
  if (config_.skips_bad_steps) return;
  const std::string name = block == 0                             ? "the embedding"
                           : block >= stage_.model().head_block() ? "the head"
                                                                  : nn::concat("layer ", block - 1);
  throw nn::InputError(
      nn::concat(what, ", in ", name, " on stage ", config_.topology.stage(mailbox_.rank())),
      bad_step_hint(config_));
}

bool Gradients::finish_step(const std::string& place, const std::vector<double>& losses) {
  const double start = wall_time();
  wait_for_exchanges(place + " waited for gradients from other ranks");
  if (config_.topology.pipelines > 1) trace_.add(Kind::wait, step_ + 1, 0, 0, start, wall_time());
  if (!config_.has_verdicts()) return true;
  is_prepared_ = true;
  const std::string what = place + " waited for the verdict on the step";
  const Tag tag{Tag::verdict, step_};
  Verdict verdict;
  if (config_.is_elastic) {
    const auto [squares, sum] = sums_over_ranks(mailbox_, squares_, losses, tag, what);
    verdict = {std::sqrt(squares), sum};
  } else {
    verdict.norm = std::sqrt(
        sum_over_ranks(mailbox_, judges_of(config_, mailbox_.rank()), squares_, tag, what));
  }
  if (!std::isfinite(verdict.norm) && !config_.skips_bad_steps)
    throw nn::InputError(nn::concat("the gradients of step ", step_ + 1, " are too large"),
                         bad_step_hint(config_));
  if (!apply(step_, verdict)) return false;
  if (config_.shares_moments) wait_for_exchanges(place + " waited for weights from other ranks");
  return true;
}

bool Gradients::apply(int step, Verdict verdict) {
  step_ = step;
  verdict_ = verdict;
  is_prepared_ = false;
  if (!std::isfinite(verdict.norm)) {
    stage_.model().parameters().zero_gradients();
    return false;
  }
  const double start = nn::thread_seconds();
  for (const auto& [block, own] : blocks_) update(block);
  seconds_at_work_ += nn::thread_seconds() - start;
  return true;
}

Gradients::Optimizers Gradients::take_optimizers() {
  Optimizers optimizers;
  for (auto& [block, own] : blocks_) optimizers[block] = std::move(own.optimizer);
  return optimizers;
}

void Gradients::give_optimizers(Optimizers optimizers) {
  for (auto& [block, optimizer] : optimizers) blocks_.at(block).optimizer = std::move(optimizer);
}

void Gradients::wait_for_exchanges(const std::string& what) {
  mailbox_.wait(
      [this] {
        advance();
        return exchanges_.empty() && !tied_.is_under_way();
      },
      what);
}

nn::Optimizer::State Gradients::optimizer_state(int block) {
  return blocks_.at(block).optimizer->state(share_of(block).length);
}

void Gradients::update(int block) {
  const double start = wall_time();
  const Stopwatch stopwatch;
  const auto [first, length] = share_of(block);
  const std::span<nn::real> all = stage_.gradients_of(block), own = all.subspan(first, length);
  const std::span<nn::real> weights = stage_.weights_of(block).subspan(first, length);
  const double rate = learning_rate_(step_);
  nn::Optimizer& optimizer = *blocks_.at(block).optimizer;
  optimizer.set_learning_rate(rate);
  nn::Team& team = stage_.team();
  const double factor =
      config_.clip_norm > 0 ? nn::clip_factor(verdict_.norm, config_.clip_norm) : 1;
  if (factor < 1) nn::scale(own, factor, team);
  if (config_.weight_decay > 0)
    decay(weights, first, blocks_.at(block).decaying, rate, config_.weight_decay, team);
  stage_.update(block, optimizer, weights, own);
  team.split(static_cast<nn::index>(all.size()), 16384, [all](nn::index begin, nn::index end) {
    std::ranges::fill(all.subspan(begin, end - begin), nn::real(0));
  });
  trace_.add(Kind::update, step_ + 1, block, 0, start, wall_time());
  blocks_.at(block).update_seconds += stopwatch.seconds();
  if (is_shared_out(config_, block))
    exchange(RingWork::all_gather, block, stage_.weights_of(block), [] {});
}

}  // namespace pipeline
