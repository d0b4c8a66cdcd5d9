#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/files/checkpoint_folder.h"
#include "tools/training/event_log.h"
#include "tools/training/progress.h"
#include "tools/training/rank.h"
#include "tools/training/validation.h"

namespace training {

// The files of a run's results, also in checkpoints: a run that goes on continues them.
constexpr const char *losses_file = "loss.csv", *validation_file = "validation.csv",
                     *samples_file = "samples.txt";

// What the recorder writes after each step: loss.csv, validation.csv and events for TensorBoard.
class Records {
 public:
  // The clock of loss.csv starts now. `losses`, `validations`: the files' contents so far;
  // `seconds_at_peak`: see peak.h.
  Records(const RankOptions& options, const std::string& losses, const std::string& validations,
          double seconds_at_peak);

  // Creates the files, with the earlier rows.
  void open();

  // Steps count from 1. `loss`: empty if the step was skipped. `validation`: after this step.
  void add(int step, std::optional<double> loss, double norm, std::optional<double> validation);
  void add_validation(int step, double loss, double seconds);     // it took so long
  void leave_out(double seconds) { losses_.leave_out(seconds); }  // that were not for steps
  std::optional<double> seconds_per_step() { return losses_.seconds_per_step(); }

  // Writes copies for the checkpoint of a step.
  std::vector<nn::CheckpointFolder::File> save(nn::CheckpointFolder& saved, int step) const;

 private:
  const RankOptions& options_;
  double seconds_at_peak_;
  LossLog losses_;
  std::optional<ValidationLog> validations_;
  std::optional<EventLog> events_;
};

// The rows of a CSV up to this step, with its header; empty if there is none.
std::string rows_until(const std::string& csv, int step);

}  // namespace training
