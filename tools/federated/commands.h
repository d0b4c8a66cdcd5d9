#pragma once

#include <atomic>
#include <string>

#include "nn/files/safetensors.h"
#include "tools/federated/command_line.h"
#include "tools/federated/outputs.h"
#include "tools/federated/runner.h"

// The commands that hw1 and federated share.
namespace federated {

// From now on the first Ctrl-C or SIGTERM sets the flag, and says so; the second ends the program.
const std::atomic<bool>& stop_after_round();

// Runs one experiment, prints its rounds and leaves the outputs. Returns the exit code: 0, or
// diverged_status after saying so. `stop` ends it after a round; then the rounds so far are kept
// and tools::Stopped is thrown. `make_executor`: as the runner's.
int run_one(const std::string& program, const Experiment& asked, const Resources& resources,
            const Outputs& outputs, const std::atomic<bool>& stop,
            Runner::MakeExecutor make_executor = nullptr);

// Writes the run's table, measures and events where the outputs say. The run has a round.
void write_outputs(const Run& run, const Outputs& outputs, const nn::Metadata& made);

// Runs what the table says; returns whether every round is within the tolerance.
bool compare(const Comparison& asked, const Resources& resources, const std::atomic<bool>& stop);

}  // namespace federated
