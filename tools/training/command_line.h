#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "nn/tensor.h"
#include "tools/program/options.h"
#include "tools/training/rank.h"
#include "tools/training/schedule_file.h"

namespace training {

constexpr int largest_count = 4096;  // of stages, pipelines and microbatches

// The options that change the course's model, or the model of --init.
struct ModelOptions {
  std::optional<std::string> family;
  std::optional<nn::index> d, layers, heads, key_value_heads, hidden;
};

// What the user has typed. Numbers that are left out depend on others.
struct CommandLine {
  RankOptions rank;
  ModelOptions model;
  ScheduleSize size;
  std::string layers;
  std::optional<int> pipelines, batch, threads, parent, number;
  std::optional<double> weight_decay;
  std::optional<std::string> checkpoint, wire;
  std::string launcher = "auto";
  std::filesystem::path meet, new_keys, rehearsed;
  bool only_checks = false;
  int ranks_here = 1;  // on this machine
};

void add_options(tools::Options& options, CommandLine& line);

}  // namespace training
