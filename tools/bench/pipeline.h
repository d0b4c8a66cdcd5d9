#pragma once

#include <string>
#include <vector>

namespace bench {

// What tools/pipeline.sh says about its own pace, in seconds a step.
struct Pace {
  double reached;
  double allowed;  // by cut, schedule and cores at the costs that it measured
};

// Trains for a few steps with tools/pipeline.sh and these arguments.
Pace run_pipeline(const std::vector<std::string>& arguments);

// Throws nn::Error if the last line of a run's output is not there.
Pace read_pace(const std::string& output);

}  // namespace bench
