#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/action_worker.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "pipeline/trace.h"
#include "pipeline/training_config.h"
#include "tools/ranks/connection.h"

namespace ranks {

// A rank of a pipeline that computes the gradients of one client at a time. It has a stage of the
// client's model; the first rank of the pipeline, the lead, has the client.
//
//   lead         ---> every stage   weights of its blocks; shares of the batch's parts
//                ---> both ends     tokens of each part, which is a microbatch
//   every stage  ---> lead          gradients of its blocks; the last one: losses
class StageRank {
 public:
  // Meets the other ranks of its pipeline, as Channel does.
  StageRank(const MeetingPlace& place, const pipeline::TrainingConfig& config,
            const std::string& terms, int threads, std::chrono::milliseconds patience);

  // Does its part of a batch, once the lead has sent what is needed for it. `shares`: of each of
  // its microbatches. Batches are numbered from 1. Throws PeerLost.
  void play(int batch, std::span<const double> shares);

  // Plays batches until the lead says that the run is over, and counts them. Throws PeerLost, and
  // what a batch throws, after it has told the others.
  void serve(int& count);

  int lead() const { return config_.topology.rank(pipeline_, 0); }
  pipeline::Mailbox& mailbox() { return channel_->mailbox(); }

 private:
  void take_weights();
  std::optional<pipeline::Message> wait_for_shares(int batch);
  const pipeline::Schedule& schedule(int microbatches);
  pipeline::Batch tokens(int microbatch);

  pipeline::TrainingConfig config_;
  int pipeline_, own_stage_;
  pipeline::Trace trace_;
  pipeline::Stage stage_;
  std::optional<pipeline::ActionWorker> actions_;
  std::optional<Channel> channel_;               // after what its messages read
  std::map<int, pipeline::Schedule> schedules_;  // by the number of microbatches

  int batch_ = 0;
  std::vector<double> shares_, losses_;      // of each microbatch
  std::map<int, pipeline::Message> tokens_;  // of those that have come
};

// Where both ends' tokens of a microbatch are: the ids, and then the targets, as int.
constexpr pipeline::Tag tokens_tag(int batch, int microbatch) {
  return {pipeline::Tag::assignment, batch, microbatch + 1};
}
constexpr pipeline::Tag shares_tag(int batch) { return {pipeline::Tag::assignment, batch}; }

}  // namespace ranks
