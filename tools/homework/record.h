#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "nn/safetensors.h"
#include "tools/homework/exercises.h"

// Results with all that made them, as JSON.
namespace homework {

// A run's configuration and rounds, what made it (tools::provenance(), data set, threads), and the
// most memory that this process has had so far: for --json.
std::string to_json(const Run& run, const nn::Metadata& made);

// The same for runs that belong together, each under its name, without the memory.
std::string to_json(std::span<const Run> runs, std::span<const std::string> names,
                    const nn::Metadata& made);

// An exercise that was run: what OUT/a3/results.json holds.
struct Outcome {
  const Exercise* exercise;
  Setting setting;
  nn::Metadata made;
  std::vector<Run> runs;  // in the order of exercise->curves(setting)

  std::vector<std::string> names() const;
};

std::string to_json(const Outcome& outcome);

// Reads what to_json wrote, from untrusted text that complaints call `name`. Throws nn::InputError
// for anything else, such as a part of the rounds or the curves of another version.
Outcome parse_outcome(const std::string& text, const std::string& name, const Exercise& exercise);
Outcome read_outcome(const std::filesystem::path& file, const Exercise& exercise);

// What made the runs and what they share, by name, for a reader of the report.
report::Facts facts_about(std::span<const Run> runs, const nn::Metadata& made);

}  // namespace homework
