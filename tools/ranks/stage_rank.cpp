#include "tools/ranks/stage_rank.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>

#include "nn/base/error.h"
#include "nn/models/language_model.h"
#include "nn/parameters.h"

namespace ranks {

using pipeline::Mailbox, pipeline::Message, pipeline::PeerLost, pipeline::Tag;

namespace {

Group group_of(const pipeline::Topology& topology, int pipeline) {
  Group group{nn::concat("pipeline-", pipeline), {}, {}};
  for (int stage = 0; stage < topology.stages; ++stage)
    group.ranks.push_back(topology.rank(pipeline, stage));
  group.numbers = group.ranks;  // errors name them by their place in the run
  return group;
}

}  // namespace

StageRank::StageRank(const MeetingPlace& place, const pipeline::TrainingConfig& config,
                     const std::string& terms, int threads, std::chrono::milliseconds patience)
    : config_(config),
      pipeline_(config.topology.pipeline(place.rank)),
      own_stage_(config.topology.stage(place.rank)),
      stage_(config_.model, pipeline::blocks_of(config_, own_stage_), config_.length, 0, threads) {
  channel_.emplace(place, group_of(config_.topology, pipeline_), terms, patience);
  actions_.emplace(
      config_, stage_, mailbox(), trace_,
      pipeline::ActionWorker::Callbacks{
          .batch = [this](int microbatch) { return tokens(microbatch); },
          .weight = [this](int microbatch) { return static_cast<nn::real>(shares_[microbatch]); },
          .on_loss = [this](int microbatch, nn::real loss) { losses_[microbatch] = loss; },
          .on_block = [](int) {},
          .advance = [] {}});
}

void StageRank::play(int batch, std::span<const double> shares) {
  batch_ = batch;
  mailbox().begin_step(batch);
  shares_.assign(shares.begin(), shares.end());
  losses_.assign(shares_.size(), 0);
  tokens_.clear();
  take_weights();
  stage_.model().parameters().zero_gradients();
  const int microbatches = static_cast<int>(shares_.size());
  actions_->run(batch, schedule(microbatches), microbatches);
  for (const int block : stage_.all_blocks())
    mailbox().send_copy(lead(), {Tag::update, batch, block}, stage_.gradients_of(block));
  if (own_stage_ == placement_of(config_).last_stage())
    mailbox().send_numbers(lead(), {Tag::loss, batch}, losses_);
}

void StageRank::take_weights() {
  for (const int block : stage_.all_blocks()) {
    const Message message =
        mailbox().receive(lead(), {Tag::weights, batch_, block}, "waiting for weights");
    const auto own = stage_.weights_of(block);
    nn::require(message.numbers().size() == own.size(), "ranks: got ", message.numbers().size(),
                " of ", own.size(), " weights");
    std::ranges::copy(message.numbers(), own.begin());
  }
}

const pipeline::Schedule& StageRank::schedule(int microbatches) {
  const auto found = schedules_.find(microbatches);
  if (found != schedules_.end()) return found->second;
  const pipeline::ScheduleEntry& entry = pipeline::schedule_named(config_.schedule);
  const pipeline::Plan plan = entry.plan(config_.topology.stages, microbatches, config_.chunks);
  return schedules_[microbatches] = plan.stages.at(own_stage_);
}

pipeline::Batch StageRank::tokens(int microbatch) {
  const pipeline::Placement placement = placement_of(config_);
  if (own_stage_ != placement.first_stage() && own_stage_ != placement.last_stage()) return {};
  if (!tokens_.contains(microbatch))
    tokens_[microbatch] =
        mailbox().receive(lead(), tokens_tag(batch_, microbatch), "waiting for tokens");
  const std::span<const int> both = tokens_[microbatch].numbers_as<int>();
  return {both.first(both.size() / 2), both.last(both.size() / 2)};
}

// Nothing if the run is over. Between two batches much time may pass: the next rounds' clients may
// all train elsewhere. So this wait, in turns shorter than any --client-timeout, has no end.
std::optional<Message> StageRank::wait_for_shares(int batch) {
  using Clock = std::chrono::steady_clock;
  std::optional<Message> shares;
  for (bool is_over = false; !shares && !is_over;)
    mailbox().wait(
        [&, start = Clock::now()] {
          shares = mailbox().try_receive(lead(), shares_tag(batch));
          is_over = mailbox().try_receive(lead(), {Tag::order}).has_value();
          return shares || is_over || Clock::now() - start > std::chrono::milliseconds(500);
        },
        "waiting for a batch");
  return shares;
}

void StageRank::serve(int& count) {
  try {
    for (int batch = 1; const auto shares = wait_for_shares(batch); ++batch, ++count)
      play(batch, shares->numbers_as<double>());
    mailbox().part();
  } catch (const PeerLost&) {
    throw;
  } catch (const std::exception& error) {
    mailbox().announce_failure(nn::concat(mailbox().name(), " failed: ", error.what()));
    throw;
  }
}

}  // namespace ranks
