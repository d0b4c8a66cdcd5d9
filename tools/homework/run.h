#pragma once

#include <atomic>
#include <filesystem>

#include "tools/homework/options.h"

namespace homework {

// Where the runs of a command are kept until it is over.
std::filesystem::path kept_runs(const Options& options);

// Runs, publishes and prints the exercises that options.command names: one of the homework's or
// "all". `stop` ends it after a round; then the rounds so far are kept, the same command goes on
// with them, and tools::Stopped is thrown.
void run_exercises(const Homework& homework, const Options& options, const std::atomic<bool>& stop);

}  // namespace homework
