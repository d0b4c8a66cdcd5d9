#include "fl/clocks/world.h"

#include <algorithm>
#include <utility>

namespace fl {

constexpr double bytes_per_megabit = 1e6 / 8;

double samples_trained(const LocalTraining& training, int samples) {
  if (training.steps == 0 || samples == 0) return static_cast<double>(training.epochs) * samples;
  const int batch = training.batch == 0 ? samples : std::min(training.batch, samples);
  const int steps_per_epoch = (samples + batch - 1) / batch;
  const int epochs = training.steps / steps_per_epoch, rest = training.steps % steps_per_epoch;
  return static_cast<double>(epochs) * samples + static_cast<double>(rest) * batch;
}

World::World(const Config& config, Work work)
    : work_(std::move(work)), draws_(config.seed + 2), drop_out_(option(config, "drop-out")) {
  const auto clients = static_cast<int>(work_.samples.size());
  const std::vector<double> devices = draws_.lognormal(option(config, "device-spread"), clients),
                            links = draws_.lognormal(option(config, "link-spread"), clients);
  const double speed = option(config, "device-speed"),
               uplink = option(config, "uplink") * bytes_per_megabit,
               downlink = option(config, "downlink") * bytes_per_megabit;
  for (int client = 0; client < clients; ++client) {
    until_upload_.push_back(static_cast<double>(work_.bytes_down) / (downlink * links[client]) +
                            work_.samples[client] / (speed * devices[client]));
    uplinks_.push_back(uplink * links[client]);
  }
}

double World::upload(int client, std::int64_t bytes) const {
  return static_cast<double>(bytes) / uplinks_[client];
}

}  // namespace fl
