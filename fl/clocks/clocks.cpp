#include "fl/clocks/clocks.h"

#include <string>

#include "fl/algorithms/algorithms.h"
#include "fl/compression/compression.h"
#include "fl/config.h"
#include "fl/defences/defences.h"
#include "nn/base/error.h"
#include "nn/base/named_row.h"

namespace fl {

namespace {

// The devices and links, and more.
std::vector<Option> world_options(std::vector<Option> more) {
  std::vector<Option> options{
      {"device-speed", "samples per second of the median device", 500, 1e-6, 1e9},
      {"device-spread", "sigma of the devices' log-normal speeds", 1, 0, 5},
      {"uplink", "megabits per second from the median client", 10, 1e-6, 1e9},
      {"downlink", "megabits per second to the median client", 50, 1e-6, 1e9},
      {"link-spread", "sigma of the links' log-normal speeds", 1, 0, 5},
      {"drop-out", "share of the chosen clients that send nothing", 0, 0, 1}};
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

}  // namespace

std::span<const ClockEntry> clock_table() {
  static const std::vector<ClockEntry> table{
      {.name = "synchronous",
       .label = "Synchronous",
       .description = "a round lasts until the slowest client has sent its update",
       .make = make_synchronous,
       .options = world_options(
           {{"deadline", "seconds after which a round takes no update; 0: never", 0, 0, 1e9}})},
      {.name = "fedbuff",
       .label = "FedBuff",
       .description = "clients start at any time; a round is over with the K-th update",
       .make = make_fedbuff,
       .options = world_options(
           {{"buffer-size", "updates that make a round", 10, 1, 1e6, whole},
            {"staleness-exponent", "a, where a change that is t rounds old counts (1 + t)^-a", 0.5,
             0, 10}}),
       .is_asynchronous = true},
  };
  return table;
}

const ClockEntry* find_clock(std::string_view name) { return nn::find_row(clock_table(), name); }

int updates_per_round(const Config& config, int clients) {
  const bool has_buffer = config.clock && config.clock->is_asynchronous;
  return has_buffer ? int_option(config, "buffer-size") : clients;
}

void check_clock(const Config& config) {
  if (!config.clock) return;
  if (!config.algorithm->is_federated)
    throw nn::InputError(nn::concat(config.algorithm->name, " has no clients to wait for"),
                         "leave --clock out, or choose another --algorithm");
  if (!config.clock->is_asynchronous) return;
  if (config.compression)
    throw nn::InputError(nn::concat("--clock ", config.clock->name,
                                    " does not go with --compression ", config.compression->name,
                                    ": it must know the bytes of an update before the training"),
                         "leave one of them out, or choose --clock synchronous");
  if (config.defence && config.defence->is_private)
    throw nn::InputError(
        nn::concat("--defence ", config.defence->name,
                   " needs clients that all start from the same weights, not --clock ",
                   config.clock->name),
        "choose --clock synchronous");
  if (const int size = int_option(config, "buffer-size"); size > config.clients)
    throw nn::InputError(nn::concat(config.clients, " clients cannot fill a buffer of ", size,
                                    " updates: each sends at most one a round"),
                         nn::concat("choose --buffer-size from 1 to ", config.clients));
}

}  // namespace fl
