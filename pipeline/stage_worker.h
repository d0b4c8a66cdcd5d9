#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>

#include "data/tokens.h"
#include "nn/optimizer.h"
#include "pipeline/collectives.h"
#include "pipeline/schedule.h"
#include "pipeline/stage.h"
#include "pipeline/tied_gradients.h"
#include "pipeline/trace.h"
#include "pipeline/training_config.h"

namespace pipeline {

// One rank at work: takes the actions of its schedule one by one and derives from each what to
// receive before it and what to send after it. Gradients of a block are averaged over its stage
// group, and the block is updated, as soon as its last microbatch is done.
class StageWorker {
 public:
  // `windows` may be null on ranks that have neither the first chunk nor the last. Everything must
  // outlive the worker, and the stage must outlive the network behind the mailbox.
  StageWorker(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
              const data::Windows* windows, Trace& trace);

  // One training step. The recorder (see Topology) gets its mean loss over the whole batch, the
  // last stages of other pipelines that of theirs, all others nothing. Throws PeerLost, saying what
  // this rank was waiting for.
  //
  // A loss or gradient that is NaN or infinite is an nn::InputError with its step, stage and block;
  // or, if the training skips bad steps, no rank updates anything, and nobody gets a loss.
  std::optional<double> step(int step);
  int steps_left_out = 0;  // the same on all ranks

  // "rank 1 (pipeline 0, stage 1) at step 46", for error messages.
  std::string place() const;

  // What the optimizer keeps of a block of this stage, for checkpoints.
  nn::Optimizer::State optimizer_state(int block);

  // For those who watch. Called before each action with what is about to be done, and with the
  // averaged gradients of a block before it is updated.
  std::function<void(Work work, int microbatch)> on_action = [](Work, int) {};
  std::function<void(int block, std::span<const nn::real>)> on_gradients = [](int, auto) {};

  // The mean of the steps so far, in seconds, of each chunk: the update counts as part of the
  // weights half, what was waited for does not count.
  std::vector<Costs> measured_costs() const;

 private:
  struct Reduction {
    int block;
    double start;
    Lease lease;
    std::optional<RingAllReduce> ring;
  };

  void forward(Action action);
  void backward(Action action);
  void weights(Action action);
  Batch read_batch(int microbatch);
  Message receive(Tag::Kind kind, Action action, int offset);
  void send(Tag::Kind kind, Action action, int offset, nn::ConstView numbers);
  int rank_of(int global_chunk) const;
  void start_reduction(int block);
  void advance_reductions();
  void tie_gradients(int block);
  void advance_tied();
  void finish_gradients(int block);
  void update(int block);
  void found_bad(int block, const std::string& what);
  std::optional<double> exchange_losses();
  std::string doing(Action action) const;
  void add_event(Kind kind, int item, int chunk, double start);

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  const data::Windows* windows_;
  Trace& trace_;
  int own_stage_, own_pipeline_;
  Schedule schedule_;
  nn::LearningRate learning_rate_;
  std::map<int, std::unique_ptr<nn::Optimizer>> optimizers_;  // of each block
  TiedGradients tied_;
  std::list<Reduction> reductions_;  // under way; messages keep the address of the leases

  int step_ = 0, steps_done_ = 0;
  double loss_ = 0;
  bool is_step_bad_ = false;
  std::vector<int> ids_, targets_;
  std::vector<Costs> seconds_;  // of each chunk, all steps
  double update_seconds_ = 0;
};

}  // namespace pipeline
