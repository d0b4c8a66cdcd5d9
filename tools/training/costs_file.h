#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/prediction/predict.h"
#include "pipeline/prediction/stage_memory.h"
#include "pipeline/prediction/step_work.h"

namespace training {

// The contents of a run's costs.json: what its ranks did in a step, in seconds and bytes.
struct MeasuredStep {
  std::string schedule;  // in the table, or what identifies the plan
  int microbatches = 1, pipelines = 1;
  pipeline::StageWork stages;
  double activation_bytes = 0;
  pipeline::Cluster cluster;
  std::vector<pipeline::StageMemory> memory{};  // of each stage; none in older files
};

std::string to_json(const MeasuredStep& step);

// Throws nn::InputError if there is no such file, or if it does not have what to_json() writes.
MeasuredStep read_costs(const std::filesystem::path& file);
// The same from untrusted text; complaints call it `name`.
MeasuredStep parse_costs_json(std::string_view text, const std::string& name);

}  // namespace training
