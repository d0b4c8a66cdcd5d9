#pragma once

#include <string>

#include "tools/program/options.h"

namespace federated {

// The files that a run writes.
struct Outputs {
  std::string csv = {}, json = {};
  std::string tensorboard = {};  // a folder for an event file
  bool has_wall_time = false;
  bool is_full = false;            // the CSV has all measures, not the notebook's columns alone
  std::string partition_svg = {};  // the file for the picture of the split
  std::string checkpoint = {};     // the folder; empty: none
  bool may_resume = false;

  // The JSON file beside the CSV: written without --json, or if one is already there. Empty if the
  // CSV is a device.
  std::string json_beside() const;
};

void add_outputs(tools::Options& command, Outputs& outputs);

// Throws nn::InputError if they make no sense together, such as two in one place.
void check(const Outputs& outputs);

// Learns now, not after the run, that one could not be written: throws nn::InputError.
void require_writable(const Outputs& outputs);

}  // namespace federated
