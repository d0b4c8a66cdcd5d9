#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "nn/files/safetensors.h"
#include "tools/homework2/exercises.h"

namespace homework2 {

// A completed exercise, the content of OUT/lab/results.json; or the curves of one under way.
struct Outcome {
  const Exercise* exercise;
  nn::Metadata made;  // what made it, and the setting
  std::vector<Curve> curves;
};

// Sealed: see nn::is_intact.
std::string to_json(const Outcome& outcome);

// Throws nn::InputError for a file that to_json did not write or that was edited since.
Outcome read_record(const std::filesystem::path& file, const Exercise& exercise);
// The same if a curve is missing that the exercise needs.
Outcome read_outcome(const std::filesystem::path& file, const Exercise& exercise);

// Curve,Epoch,Train accuracy,Loss: one row per epoch.
std::string to_csv(std::span<const Curve> curves);
// Epoch,Train accuracy,Loss; without the accuracy if the network does not classify.
std::string to_csv(const Curve& curve);

}  // namespace homework2
