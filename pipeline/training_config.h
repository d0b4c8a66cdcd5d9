#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/models/language_model.h"
#include "pipeline/cut.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/topology.h"

namespace pipeline {

// Consecutive microbatches of a step, numbered over all pipelines.
struct Microbatches {
  int first, count;
};

// How pipelines that train alone agree on their weights; see outer_steps/outer_steps.h.
struct Synchronisation {
  int every = 0;               // steps; 0: gradients are averaged in every step instead
  double learning_rate = 0.7;  // of outer steps
  double momentum = 0.9;
  std::string wire = "float";  // in the table of outer_steps/wire_formats.h
  int fragments = 0;           // that take turns, while training goes on; 0: all blocks at once
  int delay = 1;               // steps that an exchange of a fragment takes
  bool operator==(const Synchronisation&) const = default;
};

// What is trained, and how the work is divided: the same on every rank.
struct TrainingConfig {
  nn::LanguageModelConfig model = {};
  Topology topology = {};
  std::string schedule = "1f1b";                // in the table, or what identifies the plan
  std::shared_ptr<const Plan> given_plan = {};  // from a file; null: one of the table
  int chunks = 1;                               // of each stage
  int microbatches = 3;                         // of each of the full_pipelines
  int full_pipelines = 0;  // when the run began, which the batch is cut for; 0: topology.pipelines
  Cut cut = {};            // layers of each part
  int batch = 3;           // sequences per step, all pipelines together
  int length = 256;        // tokens per sequence
  int steps = 5000;
  std::string optimizer = "adam";  // in the table of optimizers.h
  double weight_decay = 0;         // of matrices and tables; see decay()
  double learning_rate = 8e-4;
  int warmup = 0;          // steps until it is reached; then it falls along a cosine. 0: constant
  double lowest_rate = 0;  // at the end of the cosine
  std::uint64_t seed = 0;
  double held_out = 0;           // share of the text's windows at its end, for evaluations
  int evaluate_every = 0;        // steps; 0: never
  int evaluation_batches = 20;   // at most, in an evaluation
  int sample_every = 0;          // steps between stories; 0: none
  std::string text = {};         // identifies the text by its content, not its path
  bool skips_bad_steps = false;  // a step with a NaN or infinity is skipped, not an error
  double clip_norm = 0;          // largest norm of a step's gradients; 0: any
  bool recomputes = false;       // layers and head keep only their input; see Stage
  bool shares_moments = false;   // of the optimizer, over the ranks of a stage group; see Gradients
  bool splits_head = false;      // its rows over the stages; see split_head/split_head.h
  std::string wire = "float";    // between stages, in the table of activation_wire.h
  std::string precision = "float";  // of matrix products, in nn::precision_table()
  bool has_exact_sums = false;      // of gradients and losses over microbatches; see nn/exact_sum.h

  Synchronisation sync = {};
  bool is_elastic = false;  // pipelines may leave and come: see members/members.h

  // Whether pipelines only synchronise their weights, and do not average gradients.
  bool trains_alone() const { return sync.every > 0; }

  // Whether blocks are updated only when one rank knows the gradients of all.
  bool has_verdicts() const { return skips_bad_steps || clip_norm > 0 || is_elastic; }

  // When pipelines leave or come, a step keeps its microbatches; see microbatches_of().
  int pipelines_of_batch() const { return full_pipelines ? full_pipelines : topology.pipelines; }
  int all_microbatches() const { return pipelines_of_batch() * microbatches; }
  int sequences() const { return batch / pipelines_of_batch() / microbatches; }  // per microbatch
};

// A pipeline's part of a step. The first pipelines have one more if they do not divide evenly.
Microbatches microbatches_of(const TrainingConfig& config, int pipeline);

constexpr int most_chunks_of_stage = 64;

// "gpipe, 1f1b, ..."
std::string schedule_names();

// Throws nn::InputError if there is no schedule of this name; the hint lists them.
const ScheduleEntry& schedule_named(std::string_view name);

// Takes stages, chunks, microbatches and lists from a plan. `content`: the text that it was read
// from, by which ranks and records tell it from others.
void give_plan(TrainingConfig& config, Plan plan, std::string_view content);

// Throws nn::InputError for the first invalid option, BadSchedule if the stages would deadlock.
void require_valid(const TrainingConfig& config);

// What all stages of a pipeline do in a step; the first pipeline has as much to do as any. For a
// config that is otherwise valid.
Plan plan_of(const TrainingConfig& config, int pipeline = 0);
Placement placement_of(const TrainingConfig& config);  // the plan's, without making its lists

// The rank that collects and records the losses: the one with the head in the first pipeline.
int recorder_of(const TrainingConfig& config);

// The blocks of the model (see nn::LanguageModel) in each chunk of a stage.
std::vector<std::vector<int>> blocks_of(const TrainingConfig& config, int stage);

// The number of values in a microbatch's activation and in its gradient.
std::size_t activation_size(const TrainingConfig& config);

// Bounds on the two long texts between ranks: a checkpoint's list of files, and the cut.
constexpr std::size_t longest_file_line = 256, longest_layer_count = 8;  // bytes

// A saved file travels in parts of this many bytes. most_parts() covers the whole model with the
// longest header.
constexpr std::size_t part_size = 1 << 18;
int most_parts(const TrainingConfig& config);

// An upper bound on the size of any message of the training, in bytes.
std::size_t largest_message(const TrainingConfig& config);

// The options that determine the result. Layout, which changes only the order of summation, is
// excluded.
std::map<std::string, std::string> training_terms(const TrainingConfig& config);

// One "name value" per line, for ranks to compare. Excludes the cut, which rank 0 may choose.
std::string terms(const TrainingConfig& config);

}  // namespace pipeline
