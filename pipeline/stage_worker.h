#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "data/tokens.h"
#include "nn/real.h"
#include "nn/tensor.h"
#include "pipeline/activation_wire.h"
#include "pipeline/gradients.h"
#include "pipeline/mailbox/frame.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/outer_steps/outer_steps.h"
#include "pipeline/prediction/step_work.h"
#include "pipeline/schedules/placement.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/split_head/head_share.h"
#include "pipeline/split_head/head_worker.h"
#include "pipeline/stage.h"
#include "pipeline/trace.h"
#include "pipeline/training_config.h"

namespace pipeline {

// One rank at work: takes the actions of its schedule one by one and derives what to receive before
// each and what to send after it. As soon as the last microbatch of a block is done, its gradients
// are averaged over the stage group and the block is updated.
class StageWorker {
 public:
  // `windows` may be null on ranks with neither the first part of the model nor the last, unless
  // the head is divided. All arguments must outlive the worker, and stage and worker must outlive
  // the mailbox's network.
  StageWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
              const data::Windows* windows, Trace& trace);

  // One training step. Returns the mean loss over the whole batch on the recorder (recorder_of()),
  // its pipeline's part of the sum on the ranks with the head in other pipelines, and nothing
  // elsewhere. In elastic runs it returns the mean on all ranks. Throws PeerLost, naming what this
  // rank was waiting for.
  //
  // A loss or gradient that is NaN or infinite throws nn::InputError with its step, stage and
  // block. If the training skips bad steps, no rank updates anything instead, and none returns a
  // loss.
  std::optional<double> step(int step);
  int steps_skipped = 0;  // the same on all ranks

  // "rank 1 (pipeline 0, stage 1) at step 46", for error messages.
  std::string place() const;

  Gradients& gradients() { return gradients_; }
  OuterSteps& outer_steps() { return outer_steps_; }

  // An observer: called before each action.
  std::function<void(Work work, int microbatch)> on_action = [](Work, int) {};

  // The means of all steps so far; waiting does not count.
  std::vector<ChunkWork> measured_work() const;
  // Processor seconds that this rank's thread spends on an action besides its work: mailbox, batch,
  // messages.
  double seconds_per_action() const;

 private:
  double seconds_beside_updates() const;
  void advance();
  void forward(Action action);
  void backward(Action action);
  void weights(Action action);
  void scores(Action action);
  void head(Action action);
  HeadSum sum_scores(Action action);
  void add_loss(int microbatch, nn::real loss);
  nn::real weight_of_loss() const;
  bool feeds_head(Action action) const;
  bool is_last(Action action) const { return action.microbatch == share_.count - 1; }
  Batch read_batch(int microbatch);
  Message receive(Tag::Kind kind, Action action, int offset);
  Message receive(int from, Tag tag, int chunk, const std::string& what);
  void do_timed(Kind kind, Action action, double Costs::* cost, const std::function<void()>& work);
  void send(Tag::Kind kind, Action action, int offset, nn::ConstView numbers);
  int rank_of(int part) const;
  std::optional<double> exchange_losses();
  std::string doing(Action action) const;
  void add_event(Kind kind, int item, int chunk, double start);

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  const data::Windows* windows_;
  Trace& trace_;
  int own_stage_, own_pipeline_;
  Microbatches share_;
  Placement placement_;
  Schedule schedule_;
  Gradients gradients_;
  OuterSteps outer_steps_;
  HeadWorker head_worker_;  // of a divided head
  ActivationLink link_;

  int step_ = 0, steps_done_ = 0;
  double loss_ = 0;
  std::vector<double> losses_;  // of all microbatches of the step, 0 for those of others
  std::vector<int> ids_, targets_;
  std::vector<Costs> seconds_;            // of each chunk, all steps
  std::map<int, double> last_w_seconds_;  // of each block, in the last microbatches
  double thread_seconds_ = 0;             // in steps, but for gradients and outer steps
  double seconds_at_work_ = 0;            // of them, for what the costs have
};

}  // namespace pipeline
