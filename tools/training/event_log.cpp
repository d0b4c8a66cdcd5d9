#include "tools/training/event_log.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "pipeline/optimizers.h"
#include "tools/training/validation.h"

namespace training {

namespace {

double seconds_of(std::chrono::system_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

EventLog::EventLog(const pipeline::TrainingConfig& config, const std::filesystem::path& folder)
    : config_(config), events_(seconds_of(start_.time_since_epoch())) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(start_.time_since_epoch()).count();
  path_ = folder / nn::concat("events.out.tfevents.", milliseconds, ".pipeline");
}

void EventLog::open() {
  nn::require_writable_folder(path_.parent_path());
  file_.reset(std::fopen(path_.c_str(), "wb"));
  if (!file_) nn::throw_cannot_write(path_, std::strerror(errno));
}

void EventLog::add(int step, double loss, double norm, double tokens_per_second,
                   double share_of_peak, std::optional<double> validation) {
  report::Scalars scalars{{"Loss/training", loss},
                          {"Learning rate", pipeline::learning_rate_of(config_)(step - 1)},
                          {"Tokens per second", tokens_per_second},
                          {"Share of peak", share_of_peak}};
  if (config_.clip_norm > 0) scalars["Norm of gradients"] = norm;
  if (validation) {
    scalars["Loss/validation"] = *validation;
    scalars["Perplexity"] = perplexity_of(*validation);
  }
  events_.add(step, seconds_of(Clock::now() - start_), scalars);
  const std::string& content = events_.content();
  std::fwrite(content.data() + written_, 1, content.size() - written_, file_.get());
  if (std::fflush(file_.get()) != 0) nn::throw_cannot_write(path_, std::strerror(errno));
  written_ = content.size();
}

}  // namespace training
