#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "data/text/tokens.h"
#include "nn/real.h"
#include "pipeline/action_worker.h"
#include "pipeline/gradients.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/outer_steps/outer_steps.h"
#include "pipeline/prediction/spread.h"
#include "pipeline/prediction/stage_memory.h"
#include "pipeline/prediction/step_work.h"
#include "pipeline/schedules/placement.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/stage.h"
#include "pipeline/trace.h"
#include "pipeline/training_config.h"

namespace pipeline {

// One rank at work: it does the actions of its schedule, and as soon as the last microbatch of a
// block is done, its gradients are averaged over the stage group and the block is updated.
class StageWorker {
 public:
  // `windows` may be null on ranks with neither the first part of the model nor the last, unless
  // the head is split. All arguments must outlive the worker, and stage and worker must outlive
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

  std::string place() const { return actions_.place(); }  // for error messages
  // The work of a step before its updates, to observe it.
  ActionWorker& actions() { return actions_; }
  Gradients& gradients() { return gradients_; }
  const Gradients& gradients() const { return gradients_; }
  OuterSteps& outer_steps() { return outer_steps_; }

  // The means of all steps so far but the first, if there are others; waiting does not count.
  std::vector<ChunkWork> measured_work() const;
  // At the end of a run, given the largest memory of this process.
  StageMemory measured_memory(double peak) const;
  // Processor seconds that this rank's thread spends on an action besides its work: mailbox, batch,
  // messages.
  double seconds_per_action() const;
  // Cluster::spread, estimated from how steps differ.
  double spread_of_microbatches() const;
  int steps_done() const { return steps_done_; }

 private:
  void forget_first_step();
  int steps_measured() const { return std::max(1, steps_done_ - 1); }
  double seconds_of_work() const;
  double seconds_beside_updates() const;
  void advance();
  void add_loss(int microbatch, nn::real loss);
  nn::real weight_of_loss() const;
  Batch read_batch(int microbatch);
  std::optional<double> exchange_losses();

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  const data::Windows* windows_;
  int own_stage_, own_pipeline_;
  Microbatches share_;
  Placement placement_;
  Schedule schedule_;
  Gradients gradients_;
  OuterSteps outer_steps_;
  ActionWorker actions_;

  int step_ = 0, steps_done_ = 0;
  double loss_ = 0;
  std::vector<double> losses_;  // of all microbatches of the step, 0 for those of others
  std::vector<int> ids_, targets_;
  double thread_seconds_ = 0;  // in steps but the first, without gradients and outer steps
  Spread spread_;              // of the work of all steps but the first
};

}  // namespace pipeline
