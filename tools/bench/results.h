#pragma once

#include <span>
#include <string>

#include "tools/bench/benchmark.h"
#include "tools/bench/machine.h"
#include "tools/report/document.h"

namespace bench {

// A row per reading: ours, the peer's, how many times better ours is, and its share of what the
// machine allows. At most 80 columns wide.
report::Table to_table(std::span<const Result> results, bool has_peer);

// The caption: what the table was measured on, and the limit that its last column refers to.
std::string describe(const Machine& machine, double peak_flops);

// The same as Markdown, for the README, and as JSON.
std::string to_markdown(std::span<const Result> results, const Machine& machine, double peak_flops);
std::string to_json(std::span<const Result> results, const Machine& machine, double peak_flops);

}  // namespace bench
