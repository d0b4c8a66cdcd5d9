#include "tools/training/end_of_run.h"

#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>

#include "nn/base/error.h"
#include "nn/base/file.h"
#include "nn/files/manifest.h"
#include "pipeline/checkpoint_terms.h"

namespace training {

namespace {

namespace fs = std::filesystem;

// What the model says of its training; empty if it is damaged: then the run saves it again.
nn::Metadata facts_of(const fs::path& manifest) {
  try {
    return nn::parse_manifest(nn::read_file(manifest), manifest.string()).state;
  } catch (const nn::InputError&) {
    return {};
  }
}

// Whether a resumed run has nothing left to do.
bool has_all_steps(const fs::path& manifest, const pipeline::TrainingConfig& config) {
  const nn::Metadata state = facts_of(manifest);
  const auto step = state.find("step");
  if (step == state.end() || step->second != std::to_string(config.steps)) return false;
  pipeline::compare_terms(config, state, [](const std::string&) {});
  return true;
}

}  // namespace

bool has_ended(const RankOptions& options) {
  const fs::path model = options.out / "checkpoint", manifest = model / nn::manifest_name;
  std::error_code is_missing;
  const fs::file_time_type saved = fs::last_write_time(manifest, is_missing);
  if (is_missing) return false;
  const bool is_later =
      options.first_start && saved >= std::chrono::file_clock::from_sys(*options.first_start);
  if (!is_later && !(options.is_resumed && has_all_steps(manifest, options.config))) return false;
  std::cout << "note: the run has ended; its model is " << model.string() << std::endl;
  return true;
}

}  // namespace training
