#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "nn/real.h"
#include "nn/tensor.h"
#include "pipeline/activation_wire.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/schedules/costs.h"
#include "pipeline/schedules/placement.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/split_head/head_share.h"
#include "pipeline/split_head/head_worker.h"
#include "pipeline/stage.h"
#include "pipeline/trace.h"
#include "pipeline/training_config.h"

namespace pipeline {

// The first half of a step, its gradients: takes the actions of a rank's schedule one by one and
// derives what to receive before each and what to send after it. It does not know where tokens come
// from, and what becomes of the gradients.
class ActionWorker {
 public:
  // What the actions of a step ask for, and whom they tell.
  struct Callbacks {
    // A microbatch's tokens, on ranks with either end of the model; valid until the next call.
    std::function<Batch(int microbatch)> batch;
    std::function<nn::real(int microbatch)> weight;              // of its mean loss in the step's
    std::function<void(int microbatch, nn::real loss)> on_loss;  // where the loss is
    std::function<void(int block)> on_block;  // its gradients are complete, on this rank
    std::function<void()> advance;  // work beside the actions; at every look into the mailbox
  };

  // All arguments must outlive it, and stage and worker must outlive the mailbox's network.
  ActionWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox, Trace& trace,
               Callbacks callbacks);

  // Adds the gradients of microbatches 0 .. count - 1 to those of the stage's weights. Throws
  // PeerLost, naming what this rank was waiting for.
  void run(int step, const Schedule& schedule, int count);

  // An observer: called before each action.
  std::function<void(Work work, int microbatch)> on_action = [](Work, int) {};

  // "rank 1 (pipeline 0, stage 1) at step 46", for error messages.
  std::string place() const;

  // Of all steps since forget_seconds(): each chunk's work; that on a block in the last
  // microbatches of steps; the processor time of all work.
  const std::vector<Costs>& seconds() const { return seconds_; }
  double last_seconds_of_weights(int block) const;
  double seconds_at_work() const { return seconds_at_work_; }
  void forget_seconds();

 private:
  void take(Action action);
  void forward(Action action);
  void backward(Action action);
  void weights(Action action);
  void scores(Action action);
  void head(Action action);
  HeadSum sum_scores(Action action);
  bool feeds_head(Action action) const;
  bool is_last(Action action) const { return action.microbatch == count_ - 1; }
  Message receive(Tag::Kind kind, Action action, int offset);
  Message receive(int from, Tag tag, int chunk, const std::string& what);
  void do_timed(Kind kind, Action action, double Costs::*cost, const std::function<void()>& work);
  void send(Tag::Kind kind, Action action, int offset, nn::ConstView numbers);
  int rank_of(int part) const;
  void look(Action action);
  std::string doing(Action action) const;
  void add_event(Kind kind, int item, int chunk, double start);

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  Trace& trace_;
  Callbacks callbacks_;
  int own_stage_, own_pipeline_;
  Placement placement_;
  HeadWorker head_worker_;  // of a split head
  ActivationLink link_;

  int step_ = 0, count_ = 0;
  std::vector<Costs> seconds_;            // of each chunk
  std::map<int, double> last_w_seconds_;  // of each block
  double seconds_at_work_ = 0;
};

}  // namespace pipeline
