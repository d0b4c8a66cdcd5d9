#include "tools/training/records.h"

#include <cstdlib>
#include <sstream>

#include "nn/base/file.h"

namespace training {

Records::Records(const RankOptions& options, const std::string& losses,
                 const std::string& validations, double seconds_at_peak)
    : options_(options),
      seconds_at_peak_(seconds_at_peak),
      losses_(options.config.steps, options.config.batch * options.config.length, losses,
              options.config.clip_norm > 0, seconds_at_peak) {
  if (!options.tensorboard.empty()) events_.emplace(options.config, options.tensorboard);
  if (options.config.evaluate_every > 0 || !validations.empty()) validations_.emplace(validations);
}

void Records::open() {
  losses_.open(options_.out / losses_file);
  if (events_) events_->open();
  if (validations_) validations_->open(options_.out / validation_file);
}

void Records::add(int step, std::optional<double> loss, double norm,
                  std::optional<double> validation) {
  if (!loss) return losses_.skip(step);
  losses_.add(step, *loss, norm, validation);
  if (!events_) return;
  const pipeline::TrainingConfig& config = options_.config;
  const double seconds = *losses_.seconds_per_step();
  events_->add(step, *loss, norm, config.batch * config.length / seconds,
               seconds_at_peak_ / seconds, validation);
}

void Records::add_validation(int step, double loss, double seconds) {
  losses_.leave_out(seconds);
  if (validations_) validations_->add(step, loss);
}

std::vector<nn::CheckpointFolder::File> Records::save(nn::CheckpointFolder& saved, int step) const {
  std::vector<nn::CheckpointFolder::File> files;
  const auto add = [&](const char* name) {
    files.push_back(saved.write(step, name, nn::read_file(options_.out / name)));
  };
  add(losses_file);
  if (validations_) add(validation_file);
  if (options_.config.sample_every > 0) add(samples_file);
  return files;
}

std::string rows_until(const std::string& csv, int step) {
  std::istringstream lines(csv);
  std::string kept, line;
  for (bool is_header = true; std::getline(lines, line); is_header = false)
    if (is_header || std::atoi(line.c_str()) <= step) kept += line + '\n';
  return kept;
}

}  // namespace training
