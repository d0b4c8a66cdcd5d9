#pragma once

#include <string>
#include <vector>

namespace bench {

// The pace that tools/pipeline.sh reports, in seconds per step.
struct Pace {
  double reached;
  double allowed;  // by cut, schedule and cores, at the measured costs
};

// Trains for a few steps with tools/pipeline.sh and these arguments.
Pace run_pipeline(const std::vector<std::string>& arguments);

// Throws nn::Error if the output lacks the line with the pace.
Pace read_pace(const std::string& output);

}  // namespace bench
