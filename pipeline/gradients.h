#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/optimizer.h"
#include "nn/real.h"
#include "pipeline/collectives.h"
#include "pipeline/exact_sums.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/stage.h"
#include "pipeline/tied_gradients.h"
#include "pipeline/trace.h"
#include "pipeline/training_config.h"

namespace pipeline {

// What happens to the gradients of a rank's blocks once its microbatches have added them up: they
// are averaged over the stage group, tied ones are added up, and the blocks are updated. Every
// block goes its own way, as soon as it is ready, while other work continues.
//
// If the training shares moments out (ZeRO stage 1, Rajbhandari et al. 2020), a rank averages and
// updates only its own segment of a block (see Ring) and has the optimizer's state for no other;
// then the segments' new weights go round. Blocks with a tied weight stay whole. The bits are the
// same.
class Gradients {
 public:
  // All arguments must outlive it, and the stage must outlive the mailbox's network.
  Gradients(const TrainingConfig& config, Stage& stage, Mailbox& mailbox, Trace& trace);

  void begin_step(int step);

  // With exact sums, call it when a microbatch is complete in the stage's gradients of a block:
  // they are moved to the block's sums.
  void add(int block);

  // Call it when this rank's gradient of a block is complete in this step.
  void start(int block);

  // Takes the messages that have arrived; never blocks.
  void advance();

  // A loss or gradient of this block is NaN or infinite. Throws nn::InputError with `what`, block
  // and stage, unless the training skips bad steps.
  void found_bad(int block, const std::string& what);

  // Called by all ranks at the end of a step, with the rank's place for error messages; waits until
  // the blocks are updated. If the training skips bad steps and this is one, no rank updates
  // anything, and all return false.
  //
  // In elastic runs every rank learns the sum of the `losses` of all microbatches in this way, each
  // of which one rank knows and the others take for zero. If this throws, no block is updated.
  bool finish_step(const std::string& place, const std::vector<double>& losses);

  // What all ranks know of a step: the norm of its gradients before they were clipped, or NaN if it
  // is skipped, and the sum of its losses.
  struct Verdict {
    double norm = 0, losses = 0;
  };
  const Verdict& verdict() const { return verdict_; }

  // Whether the averages of this step are complete, so that apply() needs nobody else.
  bool is_prepared() const { return is_prepared_; }
  // Updates the blocks, or with a NaN none. False for a NaN. For elastic runs, in which a step may
  // be done on some ranks when others are lost.
  bool apply(int step, Verdict verdict);

  // The optimizers of all blocks, for a worker that continues after this one.
  using Optimizers = std::map<int, std::unique_ptr<nn::Optimizer>>;
  Optimizers take_optimizers();
  void give_optimizers(Optimizers optimizers);

  // The norm of the last step's gradients, of all blocks together, before they were clipped; of a
  // pipeline that trains alone, those of its own. A tied weight counts once. 0 if gradients are not
  // clipped.
  double norm() const { return verdict_.norm; }

  // The part of a block that this rank updates: all of it, or its own segment.
  Segment share_of(int block) const { return blocks_.at(block).share; }
  // The optimizer's state for this part, for checkpoints.
  nn::Optimizer::State optimizer_state(int block);

  // In all steps since forget_seconds(): seconds of checking and updating a block, and what rings
  // have cost this rank's thread in processor seconds, for how many bytes received.
  struct RingCost {
    double seconds = 0, bytes = 0;
  };
  double update_seconds(int block) const { return blocks_.at(block).update_seconds; }
  const RingCost& ring_cost() const { return ring_cost_; }
  void forget_seconds();
  // Processor time of this rank's thread for averages and updates, in all steps so far.
  double seconds_at_work() const { return seconds_at_work_; }

  // An observer: called with the averaged gradients of this rank's part of a block before its
  // update.
  std::function<void(int block, std::span<const nn::real>)> on_gradients = [](int, auto) {};

 private:
  struct Block {
    std::unique_ptr<nn::Optimizer> optimizer;
    Segment share;
    std::vector<Segment> decaying;
    double update_seconds = 0;
  };
  struct Exchange {
    int block;
    double start;
    Lease lease;
    std::function<bool()> advance;  // true when it is done
    std::function<void()> then;
  };

  template <class Number>
  void exchange(RingWork work, int block, std::span<Number> values, std::function<void()> then);
  void start_exact(int block);
  void take_means(int block, Segment part);
  void wait_for_exchanges(const std::string& what);
  void begin(int block);
  void proceed();
  void tie(int block);
  void advance_tied();
  void finish(int block);
  double squares_of(int block);
  void update(int block);

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  Trace& trace_;
  nn::LearningRate learning_rate_;
  std::map<int, Block> blocks_;
  ExactSums sums_;
  TiedGradients tied_;
  std::list<Exchange> exchanges_;  // in progress; messages hold the addresses of the leases

  int step_ = 0;
  // Of the gradients of each block of the model, in this rank's share; NaN in a bad step.
  std::vector<double> squares_;
  Verdict verdict_;
  bool is_prepared_ = false;
  RingCost ring_cost_;
  double seconds_at_work_ = 0;
};

}  // namespace pipeline
