#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nn/models/language_model.h"
#include "pipeline/cut.h"
#include "pipeline/schedule.h"
#include "pipeline/topology.h"

namespace pipeline {

// What is trained and who does what: the same on every rank.
struct TrainingConfig {
  nn::LanguageModelConfig model = {};
  Topology topology = {};
  std::string schedule = "1f1b";
  int chunks = 1;  // of each stage
  int microbatches = 3;
  Cut cut = {};      // layers of each global chunk
  int batch = 3;     // sequences of a step, all pipelines together
  int length = 256;  // tokens of a sequence
  int steps = 5000;
  double learning_rate = 8e-4;
  int warmup = 0;  // steps until it is reached; then it falls along a cosine. 0: constant
  std::uint64_t seed = 0;
  std::string text = {};  // which one, in a few words without its place
  bool skips_bad_steps =
      false;  // leaves out a step with a NaN or infinity, which otherwise ends it

  int sequences() const { return batch / topology.pipelines / microbatches; }  // of a microbatch
};

// Throws nn::InputError, whose hint lists the schedules, if there is none of this name.
const ScheduleEntry& schedule_named(std::string_view name);

// Throws nn::InputError for the first thing that cannot be; BadSchedule if stages that follow this
// schedule would wait for each other for ever.
void require_valid(const TrainingConfig& config);

// The blocks of the model (see nn::LanguageModel) in each chunk of a stage.
std::vector<std::vector<int>> blocks_of(const TrainingConfig& config, int stage);

// The number of values in a microbatch's activation, and in its gradient.
std::size_t activation_size(const TrainingConfig& config);

// Bounds for the two long texts between ranks: a checkpoint's list of files, and the cut.
constexpr std::size_t longest_file_line = 256, longest_layer_count = 8;  // bytes

// A saved file travels in parts of so many bytes, and no rank has more of them: that would be more
// than the whole model with the longest header.
constexpr std::size_t part_size = 1 << 18;
int most_parts(const TrainingConfig& config);

// No message of the training has more bytes.
std::size_t largest_message(const TrainingConfig& config);

// That on which the course of the training depends; where and in which order the same sums are
// made, which changes them by rounding only, is not in it.
std::map<std::string, std::string> training_terms(const TrainingConfig& config);

// One "name value" per line, for ranks to compare. Without the cut, which rank 0 may choose.
std::string terms(const TrainingConfig& config);

}  // namespace pipeline
