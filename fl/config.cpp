#include "fl/config.h"

#include <algorithm>
#include <cmath>

#include "fl/algorithms/algorithms.h"
#include "fl/clocks/clocks.h"
#include "fl/defences/defences.h"

namespace fl {

void check_choices(const Config& config) {
  check_options(option_users(config), config.options);
  check_clock(config);
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
