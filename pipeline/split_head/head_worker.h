#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nn/real.h"
#include "nn/tensor.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/split_head/head_share.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

namespace pipeline {

// A rank's work on a split head: what to receive before S, T and the last part's B, and what to
// send after them (split_head.h).
class HeadWorker {
 public:
  // Waits for a message about a microbatch. `what`: "the scores".
  using Receive = std::function<Message(int from, Tag tag, const std::string& what)>;
  // Does the work between messages, of which it records the time.
  using Timed = std::function<void(const std::function<void()>& work)>;

  // All arguments must outlive it.
  HeadWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox, Receive receive);

  // After F of the last part: y, [tokens, d], goes to all stages.
  void send_input(int step, int microbatch, nn::ConstView y, Lease& lease);
  // S. `weight`: of this loss in the step's.
  void scores(int step, int microbatch, std::span<const int> targets, nn::real weight,
              const Timed& timed);
  // Before B of the last part.
  HeadSum sum(int step, int microbatch, std::span<const int> targets, nn::real weight,
              const Timed& timed);
  // T.
  void weights(int step, int microbatch, const Timed& timed);

 private:
  int rank_of(int stage) const;

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  Receive receive_;
  int own_stage_, own_pipeline_, last_;  // last_: the rank with the last part
};

}  // namespace pipeline
