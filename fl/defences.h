#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fl/aggregation.h"
#include "fl/options.h"

namespace fl {

struct DefenceEntry;

// `config` is the whole run's.
using MakeDefence = std::unique_ptr<Aggregation>(const Config& config);

// How the server aggregates changes that may be malicious. Any defence goes with any algorithm.
struct DefenceEntry {
  std::string_view name, label, description;
  std::function<MakeDefence> make;
  std::vector<Option> options = {};
  // Throws nn::InputError, which names the inequality, if it cannot work with the clients of a
  // round.
  std::function<void(const Config&, int clients_per_round)> check = {};
};

std::span<const DefenceEntry> defence_table();
const DefenceEntry* find_defence(std::string_view name);  // null if there is none

// What the rows make, a file each.
MakeDefence make_median;       // median.cpp
MakeDefence make_dp;           // dp.cpp
MakeDefence make_secure_mean;  // secure_mean.cpp
void check_secure_mean(const Config& config, int clients_per_round);

}  // namespace fl
