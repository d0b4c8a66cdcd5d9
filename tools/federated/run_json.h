#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "nn/files/safetensors.h"
#include "tools/federated/runner.h"
#include "tools/report/document.h"

// Runs and their provenance, as JSON.
namespace federated {

constexpr int json_format = 1;

// For --json: a run's configuration and rounds, what made it (tools::provenance(), data set,
// threads), and this process's peak memory so far.
std::string to_json(const Run& run, const nn::Metadata& made);

// The same, without the memory, for runs that belong together, each under its name.
std::string to_json(std::span<const Run> runs, std::span<const std::string> names,
                    const nn::Metadata& made);

// What made the runs and what they have in common, by name, for a reader of the report.
report::Facts facts_about(std::span<const Run> runs, const nn::Metadata& made);

// The parts of a larger JSON text, and that text with a newline.
nlohmann::ordered_json json_of(const Run& run);
nlohmann::ordered_json json_of(std::span<const Run> runs, std::span<const std::string> names);
std::string text_of(const nlohmann::ordered_json& json);
fl::Round round_of(const nlohmann::json& json);  // throws nlohmann::json::exception
std::string word_for(fl::LabelSort sort);

}  // namespace federated
