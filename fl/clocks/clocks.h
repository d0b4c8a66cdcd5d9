#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fl/clocks/schedule.h"
#include "fl/clocks/world.h"
#include "fl/options.h"

namespace fl {

// `clients`: how many train at the same time.
using MakeSchedule = std::unique_ptr<Schedule>(const Config& config, World world, int clients);

// A row of the table of clocks: how the server spends simulated time.
struct ClockEntry {
  std::string_view name, label, description;
  std::function<MakeSchedule> make;
  std::vector<Option> options = {};
  bool is_asynchronous = false;  // clients start from weights of different ages
};

std::span<const ClockEntry> clock_table();
const ClockEntry* find_clock(std::string_view name);  // null if there is none

// How many updates make a round: `clients`, or what an asynchronous clock waits for.
int updates_per_round(const Config& config, int clients);

// Throws nn::InputError if the algorithm, defence or compression does not go with the clock.
void check_clock(const Config& config);

// What the rows make, a file each.
MakeSchedule make_synchronous;  // synchronous.cpp
MakeSchedule make_fedbuff;      // fedbuff.cpp

}  // namespace fl
