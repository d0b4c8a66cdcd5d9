#include "fl/config.h"

#include <algorithm>
#include <cmath>

#include "fl/algorithms/algorithms.h"
#include "fl/clocks/clocks.h"
#include "fl/defences/defences.h"
#include "nn/base/error.h"

namespace fl {

// Noise is in proportion to the clip, and no clip bounds what an algorithm sends beside changes.
static void check_noise(const Config& config) {
  if (config.algorithm->extra_numbers == 0) return;
  const auto refuse = [&](std::string_view option) {
    throw nn::InputError(nn::concat(option, " does not hide all that ", config.algorithm->name,
                                    " sends: beside its change a number that is not clipped"),
                         nn::concat("choose another --algorithm, or leave ", option, " out"));
  };
  if (config.local_privacy.clip > 0) refuse("--ldp-clip");
  if (config.defence && config.defence->has_noise)
    refuse(nn::concat("--defence ", config.defence->name));
}

void check_choices(const Config& config) {
  check_options(option_users(config), config.options);
  check_clock(config);
  check_noise(config);
  if (config.defence && config.defence->check)
    config.defence->check(
        config, updates_per_round(config, clients_per_round(config.clients, config.fraction)));
}

int clients_per_round(int clients, double fraction) {
  return std::max(1, static_cast<int>(std::nearbyint(fraction * clients)));
}

Config settled(Config config) {
  if (config.algorithm->is_federated) return config;
  config.clients = 1, config.fraction = 1, config.partition = {};
  config.training.is_shuffled = true;
  return config;
}

}  // namespace fl
