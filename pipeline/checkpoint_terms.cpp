#include "pipeline/checkpoint_terms.h"

#include <array>
#include <string>
#include <utility>

#include "nn/base/error.h"
#include "nn/files/engine.h"
#include "nn/files/manifest.h"
#include "pipeline/cut.h"
#include "pipeline/topology.h"

namespace pipeline {

namespace {

constexpr const char* exact_key = "exact-microbatches";

// Terms that older checkpoints lack, and what those were made with.
constexpr std::array<std::pair<const char*, const char*>, 10> newer_terms{
    {{"model", "llama"},
     {"clip-norm", "none"},
     {"optimizer", "adam"},
     {"weight-decay", "0"},
     {"lr-floor", "0"},
     {"held-out", "0"},
     {"sync", "none"},
     {"product-precision", "float"},
     {"wire", "float"},
     {exact_key, "0"}}};
const char* preset_of(const std::string& term) {
  for (const auto& [name, value] : newer_terms)
    if (name == term) return value;
  return nullptr;
}

// What of the work's division changes results, by rounding only.
nn::Metadata layout_terms(const TrainingConfig& config) {
  if (config.has_exact_sums) return {{exact_key, std::to_string(config.all_microbatches())}};
  return {{exact_key, "0"},
          {"pipelines", std::to_string(config.topology.pipelines)},
          {"microbatches", std::to_string(config.microbatches)}};
}

}  // namespace

nn::Metadata origin_of(const TrainingConfig& config) {
  nn::Metadata origin = training_terms(config);
  origin.merge(layout_terms(config));
  origin["pipelines"] = std::to_string(config.topology.pipelines);
  origin["microbatches"] = std::to_string(config.microbatches);
  origin.merge(nn::describe_engine());
  origin["stages"] = std::to_string(config.topology.stages);
  origin["schedule"] = config.schedule;
  origin["chunks"] = std::to_string(config.chunks);
  origin["layers"] = to_text(config.cut);
  return origin;
}

void require_terms(const TrainingConfig& config, const nn::Metadata& state) {
  for (const auto& [name, value] : training_terms(config))
    nn::require(name == "steps" || preset_of(name) || state.contains(name), "there is no ", name);
}

void compare_terms(const TrainingConfig& config, const nn::Metadata& state,
                   const std::function<void(const std::string&)>& report) {
  const auto saved = [&](const std::string& name) {
    const auto found = state.find(name);
    if (found != state.end()) return found->second;
    const char* const preset = preset_of(name);
    return std::string(preset ? preset : "none");
  };
  for (const auto& [name, value] : training_terms(config)) {
    if (saved(name) == value) continue;
    const std::string difference = nn::concat("the checkpoint was made with ", name, ' ',
                                              saved(name), ", this run has ", value);
    if (name != "lr" && name != "warmup" && name != "steps")
      throw nn::InputError(difference,
                           "resume with the same options, or begin anew without --resume");
    report(difference);
  }
  for (const auto& [name, value] : layout_terms(config))
    if (saved(name) != value)
      report(nn::concat("the checkpoint was made with ", saved(name), ' ', name, ", this run has ",
                        value, ": the same training but for rounding"));
  for (const std::string& difference : nn::engine_differences(state))
    report(nn::concat("the checkpoint was made with ", difference,
                      ": the same training but for rounding"));
}

int pipelines_with_files(const nn::Metadata& state) {
  const auto sync = state.find("sync");
  return sync == state.end() || sync->second == "none" ? 1 : nn::whole_number(state, "pipelines");
}

}  // namespace pipeline
