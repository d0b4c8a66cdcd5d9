#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "tools/program/options.h"
#include "tools/ranks/connection.h"
#include "tools/ranks/cutting.h"

namespace ranks {

// Which process of a federation this is, and where it meets the others, as the user said.
struct Choice {
  std::string launcher = "auto";
  std::optional<int> rank, ranks;
  std::optional<int> stages;
  std::optional<std::string> schedule;
  std::filesystem::path meet = "out";
  double timeout = 60, heartbeat = 6;    // seconds
  std::optional<double> client_timeout;  // seconds
};

void add_options(tools::Options& command, Choice& choice);

// How many processes of the run are on this machine, as their launcher says; 1 without one.
int ranks_here();

struct Place {
  MeetingPlace meeting;  // of one rank, if there is nothing to meet
  Cutting cutting;
  std::string found;        // by which launcher; empty: by none
  bool is_restart = false;  // a launcher has started this process again
};

// What was chosen, and else what a launcher told this process. Throws nn::InputError if that makes
// no sense.
Place find_place(const Choice& choice);

}  // namespace ranks
