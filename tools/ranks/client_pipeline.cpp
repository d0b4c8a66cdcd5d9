#include "tools/ranks/client_pipeline.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <utility>

#include "nn/base/error.h"
#include "nn/models/language_model.h"

namespace ranks {

using pipeline::Mailbox, pipeline::Message, pipeline::PeerLost, pipeline::Tag;

ClientPipeline::ClientPipeline(std::unique_ptr<StageRank> rank,
                               const pipeline::TrainingConfig& config, MeetAgain meet_again,
                               std::function<void(const std::string&)> say)
    : config_(config),
      lead_(rank->lead()),
      rank_(std::move(rank)),
      meet_again_(std::move(meet_again)),
      say_(std::move(say)),
      blocks_(config.model.layers + 2) {
  for (int stage = 0; stage < config_.topology.stages; ++stage)
    for (const std::vector<int>& chunk : blocks_of(config_, stage))
      for (const int block : chunk)
        blocks_[block] = {lead_ + stage, block, block_size(config_.model, block)};
}

ClientPipeline::~ClientPipeline() {
  is_over_ = true;
  if (return_.valid()) rank_ = return_.get();  // a newcomer
  if (!rank_) return;
  try {
    for (int stage = 1; stage < config_.topology.stages; ++stage)
      rank_->mailbox().send_number(lead_ + stage, {Tag::order}, 0);
    rank_->mailbox().part();
  } catch (...) {  // NOLINT(bugprone-empty-catch): they notice that it is gone
  }
}

std::optional<double> ClientPipeline::compute(std::span<const nn::real> weights,
                                              std::span<const data::BatchPart> parts,
                                              std::span<nn::real> gradients) {
  take_back();
  if (!rank_) return {};
  try {
    ++batch_;
    send(weights, parts);
    rank_->play(batch_, shares_);
    return collect(gradients);
  } catch (const PeerLost& lost) {
    say_(nn::concat(lost.what(), "; rank ", lead_, " goes on without its pipeline"));
    rank_.reset();
    return_ = std::async(std::launch::async, meet_again_, std::cref(is_over_));
    return {};
  } catch (...) {  // in the middle of a batch, which the others wait for
    rank_->mailbox().announce_failure(nn::concat("rank ", lead_, " failed in a batch"));
    rank_.reset();
    throw;
  }
}

void ClientPipeline::take_back() {
  if (!return_.valid() || return_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return;
  rank_ = return_.get();
  batch_ = 0;
  if (rank_) say_(nn::concat("the pipeline of rank ", lead_, " is back"));
}

void ClientPipeline::send(std::span<const nn::real> weights,
                          std::span<const data::BatchPart> parts) {
  Mailbox& mailbox = rank_->mailbox();
  shares_.clear();
  for (const data::BatchPart& part : parts) shares_.push_back(fl::share_of(part));
  for (int stage = 1; stage < config_.topology.stages; ++stage)
    mailbox.send_numbers(lead_ + stage, shares_tag(batch_), shares_);
  for (const auto& [rank, block, size] : blocks_) {
    mailbox.send_copy(rank, {Tag::weights, batch_, block}, weights.first(size));
    weights = weights.subspan(size);
  }
  const pipeline::Placement placement = placement_of(config_);
  for (int number = 0; number < std::ssize(parts); ++number) {
    std::vector<int> tokens(parts[number].inputs.begin(), parts[number].inputs.end());
    tokens.insert(tokens.end(), parts[number].labels.begin(), parts[number].labels.end());
    const std::string bytes(reinterpret_cast<const char*>(tokens.data()),
                            tokens.size() * sizeof(int));
    for (const int stage : std::set{placement.first_stage(), placement.last_stage()})
      mailbox.send_text(lead_ + stage, tokens_tag(batch_, number), bytes);
  }
}

// Returns the loss.
double ClientPipeline::collect(std::span<nn::real> gradients) {
  Mailbox& mailbox = rank_->mailbox();
  for (const auto& [rank, block, size] : blocks_) {
    const Message message =
        mailbox.receive(rank, {Tag::update, batch_, block}, "waiting for gradients");
    nn::require(message.numbers().size() == size, "ranks: got ", message.numbers().size(), " of ",
                size, " gradients");
    std::ranges::copy(message.numbers(), gradients.begin());
    gradients = gradients.subspan(size);
  }
  const int last = lead_ + placement_of(config_).last_stage();
  std::vector<double> losses =
      mailbox.receive_numbers(last, {Tag::loss, batch_}, shares_.size(), "waiting for losses");
  for (std::size_t part = 0; part < losses.size(); ++part) losses[part] *= shares_[part];
  return std::accumulate(losses.begin(), losses.end(), 0.0);
}

}  // namespace ranks
