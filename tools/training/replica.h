#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/gradients.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/members/epoch.h"
#include "pipeline/members/members.h"
#include "pipeline/stage.h"
#include "pipeline/stage_worker.h"
#include "pipeline/training_config.h"
#include "tools/training/course.h"

namespace training {

// What a process of an elastic run keeps from one epoch to the next: weights, moments, and how far
// the run has come.
class Replica {
 public:
  Course course;
  std::unique_ptr<pipeline::Stage> stage;  // null: new weights are to be made

  // For Members::agree(). Empty without a state.
  std::optional<pipeline::Members::State> offer() const;

  // The others have gone on without this process.
  void lose_state() { course.is_under_way = false; }

  // Before an epoch, as a member with this rank. Its state may have become void in an earlier one
  // that it has not seen. Forgets everything if all begin from a checkpoint.
  void begin(const pipeline::Epoch& epoch, int rank);

  // Gives the worker of an epoch the moments, and takes them back at its end, when messages no
  // longer read the stage's memory.
  void enter(pipeline::StageWorker& worker);
  void leave(pipeline::StageWorker& worker);

  // Brings all members of an epoch to the same state: completes the last step where it is only
  // prepared, and gives newcomers what they lack.
  void catch_up(const pipeline::Epoch& epoch, const pipeline::TrainingConfig& config,
                pipeline::StageWorker& worker, pipeline::Mailbox& mailbox);

 private:
  pipeline::Gradients::Optimizers optimizers_;
  int steps_skipped_ = 0;
  bool is_prepared_ = false;  // for the step after the last one done
};

// A member's work in an epoch. If it cannot go on, the others are told why by its mailbox, as soon
// as `work` has made one. Returns what a lost member's end was, if that ended the work. Throws what
// the work throws, unless others have gone on without this process meanwhile.
std::optional<std::string> work_in_epoch(const pipeline::Members& members, int rank,
                                         std::optional<pipeline::Mailbox>& mailbox,
                                         const std::function<void()>& work);

// The training of an epoch's members, who share out the whole batch.
pipeline::TrainingConfig config_of(const pipeline::TrainingConfig& run,
                                   const pipeline::Epoch& epoch);

// Links a member with those to which or from which it hands a state over.
void add_links(pipeline::Mailbox::Options& access, const pipeline::Epoch& epoch,
               const pipeline::TrainingConfig& config);

// The step of a member's mailbox: what follows the last step done, such as an evaluation, may have
// to be done again.
int step_before(const pipeline::Epoch& epoch);

// How long members wait for each other when they meet: after the first epoch those that do not come
// are only left out.
std::chrono::milliseconds patience_of(const pipeline::Epoch& epoch,
                                      const pipeline::Mailbox::Options& access);

}  // namespace training
