#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "data/text/tokens.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/schedules/placement.h"
#include "pipeline/stage.h"
#include "pipeline/training_config.h"

namespace pipeline {

// Throws nn::InputError for the first option of evaluations that is invalid.
void require_valid_evaluation(const TrainingConfig& config);

// Whether the held-out text is evaluated after `done` steps.
bool is_evaluated_after(const TrainingConfig& config, int done);

// The part of the model that a message of an evaluation goes to, and the pipeline of a window.
// Windows pass through their pipeline one by one, so that the bits do not depend on how a batch is
// divided.
int most_windows(const TrainingConfig& config);  // of an evaluation
Tag held_out_tag(int step, int window, int part);
std::size_t held_out_size(const TrainingConfig& config, int part);  // numbers of such a message
int pipeline_of_window(const TrainingConfig& config, int window);

// The loss over the windows that are held out, or over the first of them: all stages of all
// pipelines compute forwards, batch by batch. A batch begins when the last one has its loss, so a
// stage holds the activations of one batch at most.
class Evaluation {
 public:
  // All arguments must outlive it.
  Evaluation(const TrainingConfig& config, Stage& stage, Mailbox& mailbox,
             const data::Windows& held_out);

  // Called by all ranks after the same step. Returns the mean loss of a token on each. It has the
  // same bits for every cut, schedule and number of pipelines. `place`: for error messages.
  double loss(int step, const std::string& place);

 private:
  double sum_of_batch(int step, int batch, const std::string& place);
  // Of a window on the rank with the end of the model, and 0 elsewhere or before a split head.
  double forward(int step, int window, int part, const std::string& place);
  // A stage's share of a split head, and, on the rank with the last part, the loss of all shares.
  void score(int step, int window, const std::string& place);
  double loss_of_scores(int step, int window, const std::string& place);
  Message receive(int stage, int step, int window, int part, const std::string& place);
  int rank_of(int stage) const { return config_.topology.rank(own_pipeline_, stage); }
  void read(int window);

  const TrainingConfig& config_;
  Stage& stage_;
  Mailbox& mailbox_;
  const data::Windows& held_out_;
  Placement placement_;
  int own_stage_, own_pipeline_;
  int windows_;  // to evaluate
  std::vector<int> ids_, targets_;
};

}  // namespace pipeline
