#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nn/files/safetensors.h"
#include "tools/federated/run_json.h"
#include "tools/homework/exercises.h"

namespace homework {

// A completed exercise: the content of OUT/a3/results.json.
struct Outcome {
  const Exercise* exercise;
  Setting setting;
  nn::Metadata made;
  std::vector<Run> runs;  // in the order of exercise->curves(setting)
  bool is_intact = true;  // false: its file may have been edited since it was written

  std::vector<std::string> names() const;
};

// Sealed: see nn::is_intact.
std::string to_json(const Outcome& outcome);

// Parses untrusted text, called `name` in errors. Throws nn::InputError for anything that to_json
// did not write, such as some of the rounds or the curves of another version. Other values in the
// right places, or no checksum, as in earlier versions, only make it not intact.
Outcome parse_outcome(const std::string& text, const std::string& name, const Exercise& exercise);
Outcome read_outcome(const std::filesystem::path& file, const Exercise& exercise);

}  // namespace homework
