#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fl/defences/aggregation.h"
#include "fl/options.h"

namespace fl {

struct DefenceEntry;

// `config` is the whole run's.
using MakeDefence = std::unique_ptr<Aggregation>(const Config& config);
// Throws nn::InputError, which names the inequality, if the defence cannot work with so many
// clients.
using CheckDefence = void(const Config& config, int clients_per_round);

// How the server aggregates changes that may be malicious. Any defence goes with any algorithm,
// except that noise does not go with extra numbers (algorithms.h).
struct DefenceEntry {
  std::string_view name, label, description;
  std::function<MakeDefence> make;
  std::vector<Option> options = {};
  std::function<CheckDefence> check = {};  // none: it works with any number of clients
  // Whether it is a mean that protects the clients' privacy, not the server from clients.
  bool is_private = false;
  bool has_noise = false;  // which hides a client only if it covers all that the client sends
};

std::span<const DefenceEntry> defence_table();
const DefenceEntry* find_defence(std::string_view name);  // null if there is none

// What the rows make, a file each.
MakeDefence make_median;                              // median.cpp
MakeDefence make_trimmed_mean;                        // trimmed_mean.cpp
MakeDefence make_krum, make_multi_krum, make_bulyan;  // krum.cpp
MakeDefence make_geometric_median;                    // geometric_median.cpp
MakeDefence make_majority_sign;                       // majority_sign.cpp
MakeDefence make_clip, make_sparsefed;                // clip.cpp
MakeDefence make_centered_clip;                       // centered_clip.cpp
MakeDefence make_dp;                                  // dp.cpp
MakeDefence make_secure_mean;                         // secure_mean.cpp

// In the same files.
CheckDefence check_trimmed_mean, check_krum, check_multi_krum, check_bulyan, check_secure_mean;

}  // namespace fl
