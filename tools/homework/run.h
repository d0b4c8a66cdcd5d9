#pragma once

#include <atomic>

#include "tools/homework/options.h"

namespace homework {

// Runs, publishes and prints the exercises that options.command names: one of the homework's or
// "all". `stop` ends it after a round; then the rounds so far are kept, the same command goes on
// with them, and tools::Stopped is thrown.
void run_exercises(const Homework& homework, const Options& options, const std::atomic<bool>& stop);

}  // namespace homework
