#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "tools/homework2/exercises.h"

namespace homework2 {

struct Options {
  std::string command;  // an exercise, or all
  Setting setting;
  std::filesystem::path data;  // a folder with heart.csv; empty: data/raw, or fetched
  std::filesystem::path out = "out/hw2";
};

// heart.csv as the course reads it. Throws nn::InputError if it is missing and cannot be fetched.
data::Table read_heart(const std::filesystem::path& folder);

// Runs, publishes and prints what options.command names. `stop` ends it after an epoch: the curves
// that are complete are kept, the same command goes on with them, and tools::Stopped is thrown.
void run_exercises(const Options& options, const std::atomic<bool>& stop);

}  // namespace homework2
