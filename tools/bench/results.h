#pragma once

#include <span>
#include <string>

#include "tools/bench/job.h"
#include "tools/bench/machine.h"
#include "tools/report/document.h"

namespace bench {

// A row for each reading: ours, the peer's, how many times better ours is, and how much of what the
// machine allows. 80 columns wide.
report::Table to_table(std::span<const Result> results, bool has_peer);

// What the table was measured on, and what its last column is a share of: for readers of it.
std::string describe(const Machine& machine, double peak_flops);

// The same as the README shows it.
std::string to_markdown(std::span<const Result> results, const Machine& machine, double peak_flops);
std::string to_json(std::span<const Result> results, const Machine& machine, double peak_flops);

}  // namespace bench
