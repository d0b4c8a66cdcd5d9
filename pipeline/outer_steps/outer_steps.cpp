#include "pipeline/outer_steps/outer_steps.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/optimizer.h"
#include "pipeline/outer_steps/sync_times.h"
#include "pipeline/topology.h"

namespace pipeline {

using nn::real;

Tag outer_tag(int last_step, int block, OuterPart part) {
  return {Tag::outer, last_step, block, static_cast<int>(part)};
}

OuterSteps::OuterSteps(const TrainingConfig& config, Stage& stage, Mailbox& mailbox, Trace& trace)
    : config_(config),
      stage_(stage),
      mailbox_(mailbox),
      trace_(trace),
      wire_(wire_format_named(config.sync.wire)),
      own_stage_(config.topology.stage(mailbox.rank())),
      own_pipeline_(config.topology.pipeline(mailbox.rank())),
      pipelines_(config.topology.pipelines) {
  if (!config.trains_alone()) return;
  for (int number : stage.all_blocks()) {
    const std::span<const real> weights = stage_.weights_of(number);
    Block& block = blocks_[number];
    block.agreed.assign(weights.begin(), weights.end());
    block.lost.resize(weights.size());
    const std::size_t own = segment(block, own_pipeline_).length;
    for (auto* numbers : {&block.mean, &block.momentum, &block.lost_steps}) numbers->resize(own);
    block.step.resize(wire_.size(own));
    for (int owner = 0; owner < pipelines_; ++owner)
      block.difference.resize(block.difference.size() + wire_.size(segment(block, owner).length));
  }
}

Segment OuterSteps::segment(const Block& block, int pipeline) const {
  return ring_segment(block.agreed.size(), pipelines_, pipeline);
}

std::span<std::byte> OuterSteps::difference_for(Block& block, int pipeline) {
  std::size_t first = 0;
  for (int owner = 0; owner < pipeline; ++owner) first += wire_.size(segment(block, owner).length);
  return std::span(block.difference).subspan(first, wire_.size(segment(block, pipeline).length));
}

void OuterSteps::finish_step(int step, const std::string& place) {
  const int done = step + 1;
  const double before = nn::thread_seconds();
  for (auto& [number, block] : blocks_)
    if (exchange_starts_after(config_, done, number))
      start(number, block, step + exchange_delay(config_, done));
  seconds_at_work_ += nn::thread_seconds() - before;
  const auto ends = [&](const auto& entry) {
    return exchange_ends_after(config_, done, entry.first);
  };
  if (std::ranges::none_of(blocks_, ends)) return advance();
  const double start = wall_time();
  mailbox_.wait(
      [&] {
        advance();
        return std::ranges::none_of(
            blocks_, [&](const auto& entry) { return ends(entry) && entry.second.is_under_way; });
      },
      place + " waited for the outer step of its stage group");
  trace_.add(Kind::wait, done, 0, 0, start, wall_time());
  const double adopting = nn::thread_seconds();
  for (auto& [number, block] : blocks_)
    if (exchange_ends_after(config_, done, number))
      adopt(number, block, !exchange_starts_after(config_, done, number));
  seconds_at_work_ += nn::thread_seconds() - adopting;
}

void OuterSteps::finish_exchanges(const std::string& place) {
  mailbox_.wait(
      [&] {
        advance();
        return std::ranges::none_of(blocks_,
                                    [](const auto& entry) { return entry.second.is_under_way; });
      },
      place + " waited for the outer step of its stage group, to save it");
}

void OuterSteps::start(int number, Block& block, int last_step) {
  adopt(number, block, true);  // due only in a run that resumed with fewer steps
  const std::span<const real> weights = stage_.weights_of(number);
  for (std::size_t i = 0; i < weights.size(); ++i) block.lost[i] += weights[i] - block.agreed[i];
  if (!nn::all_finite(block.lost, stage_.team()))
    throw nn::InputError(
        nn::concat("the weights of block ", number, " are too far from those agreed on"),
        "choose a lower --lr or --outer-lr");
  block.is_due = 1;
  block.is_under_way = true;
  block.last_step = last_step;
  block.added = block.taken = 0;
  block.start = wall_time();
  std::ranges::fill(block.mean, real(0));
  for (int owner = 0; owner < pipelines_; ++owner) {
    const auto [first, length] = segment(block, owner);
    const std::span<std::byte> code = difference_for(block, owner);
    wire_.encode(std::span(block.lost).subspan(first, length), code);
    send(owner, outer_tag(last_step, number, OuterPart::difference), code, block);
  }
}

void OuterSteps::send(int pipeline, Tag tag, std::span<const std::byte> bytes, Block& block) {
  if (pipeline != own_pipeline_) mailbox_.send_bytes(rank_of(pipeline), tag, bytes, block.lease);
}

void OuterSteps::advance() {
  const double before = nn::thread_seconds();
  for (auto& [number, block] : blocks_)
    if (block.is_under_way) advance(number, block);
  seconds_at_work_ += nn::thread_seconds() - before;
}

void OuterSteps::advance(int number, Block& block) {
  const Tag difference = outer_tag(block.last_step, number, OuterPart::difference);
  while (block.added < pipelines_) {
    if (!add(block.added, difference, difference_for(block, own_pipeline_), block.mean)) return;
    if (++block.added == pipelines_) take_step(number, block);
  }
  const Tag step = outer_tag(block.last_step, number, OuterPart::step);
  for (; block.taken < pipelines_; ++block.taken) {
    const auto [first, length] = segment(block, block.taken);
    if (!add(block.taken, step, block.step, std::span(block.agreed).subspan(first, length))) return;
  }
  if (!block.lease.is_free()) return;
  block.is_under_way = false;
  trace_.add(Kind::reduce, block.last_step + 1, number, 0, block.start, wall_time());
}

// Adds the numbers in a pipeline's message, or in this rank's own bytes, to the sums. False if the
// message has not arrived.
bool OuterSteps::add(int pipeline, Tag tag, std::span<const std::byte> own, std::span<real> sums) {
  std::optional<Message> message;
  if (pipeline != own_pipeline_) {
    message = mailbox_.try_receive(rank_of(pipeline), tag);
    if (!message) return false;
    nn::require(message->bytes.size() == wire_.size(sums.size()), "an outer step got ",
                message->bytes.size(), " bytes for ", sums.size(), " numbers");
  }
  wire_.add(message ? message->bytes : own, sums);
  return true;
}

// Of its own segment, for all.
void OuterSteps::take_step(int number, Block& block) {
  const auto rate = static_cast<real>(config_.sync.learning_rate);
  const auto factor = static_cast<real>(config_.sync.momentum);
  for (std::size_t i = 0; i < block.mean.size(); ++i) {
    const real mean = block.mean[i] / static_cast<real>(pipelines_);
    block.momentum[i] = factor * block.momentum[i] + mean;
    block.lost_steps[i] += rate * (factor * block.momentum[i] + mean);
  }
  if (!nn::all_finite(block.lost_steps, stage_.team()))
    throw nn::InputError(nn::concat("the outer step of block ", number, " is not finite"),
                         "choose a lower --outer-lr or --lr");
  wire_.encode(block.lost_steps, block.step);
  for (int pipeline = 0; pipeline < pipelines_; ++pipeline)
    send(pipeline, outer_tag(block.last_step, number, OuterPart::step), block.step, block);
}

// Continues from the weights agreed on; if they are late, from the mean of these and its own.
void OuterSteps::adopt(int number, Block& block, bool is_delayed) {
  if (block.is_due == 0) return;
  block.is_due = 0;
  const std::span<real> weights = stage_.weights_of(number);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = is_delayed ? (weights[i] + block.agreed[i]) / 2 : block.agreed[i];
}

OuterSteps::State OuterSteps::state(int number) {
  if (blocks_.empty()) return {};
  Block& block = blocks_.at(number);
  return {{{"agreed", block.agreed}, {"lost_differences", block.lost}},
          {{"outer_momentum", block.momentum},
           {"lost_steps", block.lost_steps},
           {"is_due", {&block.is_due, 1}}}};
}

}  // namespace pipeline
