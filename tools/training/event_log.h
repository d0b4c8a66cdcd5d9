#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>

#include "pipeline/training_config.h"
#include "tools/report/event_file.h"
#include "tools/training/progress.h"

namespace training {

// Appends the steps of this start of a run to an event file of its own in a folder for TensorBoard,
// which shows the files of a folder as one run.
class EventLog {
 public:
  EventLog(const pipeline::TrainingConfig& config, const std::filesystem::path& folder);

  // Creates the file. Like add(), throws nn::InputError if it cannot write.
  void open();

  // Steps count from 1. `norm`: of the gradients, if they are clipped.
  void add(int step, double loss, double norm, double tokens_per_second, double share_of_peak,
           std::optional<double> validation);

 private:
  using Clock = std::chrono::system_clock;

  const pipeline::TrainingConfig& config_;
  std::filesystem::path path_;
  Clock::time_point start_ = Clock::now();
  report::EventFile events_;
  std::size_t written_ = 0;  // bytes
  CFile file_;
};

}  // namespace training
