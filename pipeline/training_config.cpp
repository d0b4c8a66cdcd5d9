#include "pipeline/training_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include "nn/base/checksum.h"
#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "pipeline/activation_wire.h"
#include "pipeline/collectives.h"
#include "pipeline/evaluation.h"
#include "pipeline/handover.h"
#include "pipeline/optimizers.h"
#include "pipeline/outer_steps/sync_times.h"
#include "pipeline/schedules/simulate.h"
#include "pipeline/split_head/head_layout.h"
#include "pipeline/split_head/split_head.h"
#include "pipeline/story.h"
#include "pipeline/tied_gradients.h"

namespace pipeline {

using nn::demand;

std::string schedule_names() {
  std::vector<std::string> names;
  for (const ScheduleEntry& entry : schedule_table()) names.emplace_back(entry.name);
  return nn::join(names);
}

const ScheduleEntry& schedule_named(std::string_view name) {
  if (const ScheduleEntry* entry = find_schedule(name)) return *entry;
  throw nn::InputError(nn::concat("there is no schedule \"", name, '"'),
                       nn::concat("choose one of ", schedule_names(), ", or a .csv file"));
}

void give_plan(TrainingConfig& config, Plan plan, std::string_view content) {
  config.schedule = nn::concat("csv-", nn::crc32c(std::as_bytes(std::span(content))));
  config.topology.stages = plan.placement.stages();
  config.chunks = plan.placement.chunks();
  config.microbatches = plan.microbatches;
  config.given_plan = std::make_shared<const Plan>(std::move(plan));
}

Microbatches microbatches_of(const TrainingConfig& config, int pipeline) {
  const int all = config.all_microbatches(), pipelines = config.topology.pipelines;
  const int least = all / pipelines, rest = all % pipelines;
  return {pipeline * least + std::min(pipeline, rest), least + (pipeline < rest)};
}

namespace {

// Of the table; a given plan is checked when it is read.
void require_valid_schedule(const TrainingConfig& config) {
  const ScheduleEntry& entry = schedule_named(config.schedule);
  demand(
      entry.least_chunks <= config.chunks && config.chunks <= entry.most_chunks,
      nn::concat("schedule ", config.schedule, " cannot have ", config.chunks, " chunks per stage"),
      entry.most_chunks > 1 ? nn::concat("--chunks ", entry.least_chunks)
                            : "use --schedule interleaved, or --chunks 1");
}

void require_shareable_batch(const TrainingConfig& config) {
  const int pipelines = config.topology.pipelines;
  demand(
      pipelines <= config.all_microbatches(),
      nn::concat(pipelines, " pipelines cannot share ", config.all_microbatches(), " microbatches"),
      "choose more --microbatches, or fewer pipelines");
  demand(!config.given_plan || pipelines == config.pipelines_of_batch(),
         nn::concat("the microbatches of ", config.pipelines_of_batch(),
                    " pipelines cannot be shared out to ", pipelines,
                    ", as a schedule from a file has a fixed number of them"),
         "choose a --schedule by its name");
}

bool has_ascending_backwards(const Plan& plan) {
  for (const Schedule& schedule : plan.stages) {
    std::vector<int> next(plan.placement.chunks());
    for (const Action& action : schedule)
      if (action.work == Work::backward && action.microbatch != next[action.chunk]++) return false;
  }
  return true;
}

void require_valid_plan(const TrainingConfig& config, const Plan& plan) {
  demand(
      !config.recomputes || has_ascending_backwards(plan),
      "--recompute computes the gradients of weights in the order of the backwards, which is not "
      "that of the microbatches here",
      "leave --recompute out, or choose another --schedule");
  if (!config.given_plan || config.splits_head)  // throws if stages would deadlock
    simulate(plan, uniform_costs(config.topology.stages, config.chunks));
}

}  // namespace

void require_valid(const TrainingConfig& config) {
  const Topology& t = config.topology;
  demand(t.stages > 0 && t.pipelines > 0, "there must be at least one stage and one pipeline",
         "tools/pipeline.sh STAGES [PIPELINES]");
  demand(t.stages <= 4096 / t.pipelines,
         nn::concat(t.pipelines, " pipelines of ", t.stages, " stages are more than 4096 ranks"),
         "choose fewer");
  if (!config.given_plan) require_valid_schedule(config);
  demand(config.chunks <= most_chunks_of_stage,
         nn::concat(config.chunks, " chunks per stage are more than ", most_chunks_of_stage),
         "choose fewer");
  demand(config.microbatches > 0, "there must be at least one microbatch", "--microbatches 3");
  demand(config.full_pipelines >= 0, "the number of pipelines cannot be negative",
         "tools/pipeline.sh STAGES [PIPELINES]");
  const int full = config.pipelines_of_batch();
  const std::int64_t parts = static_cast<std::int64_t>(config.microbatches) * full;
  demand(config.batch > 0 && config.batch % parts == 0,
         nn::concat("a batch of ", config.batch, " sequences does not divide into ",
                    config.microbatches, " microbatches",
                    full == 1 ? "" : nn::concat(" for each of ", full, " pipelines")),
         nn::concat("choose --batch as a multiple of ", parts));
  require_shareable_batch(config);
  demand(config.length > 1 && config.length <= config.model.max_positions,
         nn::concat("sequences of ", config.length, " tokens do not fit the model's context of ",
                    config.model.max_positions),
         "choose --tokens between 2 and the context");
  demand(config.steps >= 0, "the number of steps cannot be negative", "--steps 5000");
  require_valid_updates(config);
  demand(config.clip_norm >= 0 && std::isfinite(config.clip_norm),
         "the largest norm of gradients must be positive and finite, or 0 for any",
         "--clip-norm 1");
  demand(!config.has_exact_sums || !config.shares_moments || config.clip_norm == 0,
         "--exact-sums cannot clip gradients that --zero1 shares out",
         "leave one of --exact-sums, --clip-norm and --zero1 out");
  nn::precision_named(config.precision);
  activation_wire_named(config.wire);
  require_valid_evaluation(config);
  require_valid_stories(config);
  require_valid_synchronisation(config);
  try {
    nn::require_valid(config.model);
  } catch (const nn::Error& error) {
    throw nn::InputError(error.what(), "see --d, --heads, --kv-heads, --hidden");
  }
  require_divisible_head(config);
  const int last = t.pipelines - 1;  // has as many microbatches as the first, or one less
  require_valid_plan(config, plan_of(config, 0));
  if (microbatches_of(config, last).count < microbatches_of(config, 0).count)
    require_valid_plan(config, plan_of(config, last));
}

Plan plan_of(const TrainingConfig& config, int pipeline) {
  const int stages = config.topology.stages;
  if (config.given_plan)
    return config.splits_head ? with_split_head(*config.given_plan, split_head_costs(config))
                              : *config.given_plan;
  const ScheduleEntry& entry = schedule_named(config.schedule);
  const int microbatches = microbatches_of(config, pipeline).count;
  if (!config.splits_head) return entry.plan(stages, microbatches, config.chunks);
  return plan_with_split_head(entry, stages, microbatches, config.chunks, split_head_costs(config));
}

Placement placement_of(const TrainingConfig& config) {
  if (config.given_plan) return config.given_plan->placement;
  return schedule_named(config.schedule).place(config.topology.stages, config.chunks);
}

int recorder_of(const TrainingConfig& config) {
  return config.topology.rank(0, placement_of(config).last_stage());
}

std::vector<std::vector<int>> blocks_of(const TrainingConfig& config, int stage) {
  const Placement placement = placement_of(config);
  std::vector<std::vector<int>> chunks(config.chunks);
  const int parts = static_cast<int>(config.cut.size());
  int block = 0;
  for (int part = 0; part < parts; ++part) {
    std::vector<int> blocks;
    if (part == 0) blocks.push_back(block++);
    for (int layer = 0; layer < config.cut[part]; ++layer) blocks.push_back(block++);
    if (part == parts - 1) blocks.push_back(block++);
    if (placement.stage(part) == stage) chunks[placement.chunk(part)] = std::move(blocks);
  }
  return chunks;
}

std::size_t activation_size(const TrainingConfig& config) {
  return static_cast<std::size_t>(config.sequences()) * config.length * config.model.hidden_size;
}

int most_parts(const TrainingConfig& config) {
  const double bytes = 1e7 + sizeof(nn::real) * model_size(config.model);
  return static_cast<int>(std::min(bytes / part_size, 1e9)) + 1;
}

std::size_t largest_message(const TrainingConfig& config) {
  const auto& [stages, pipelines] = config.topology;
  const std::size_t texts =
      std::max({part_size,  // all other texts are shorter than one of these
                (config.model.layers + 4) * longest_file_line,
                static_cast<std::size_t>(stages) * config.chunks * longest_layer_count});
  std::size_t numbers = activation_size(config);
  const std::size_t wide = config.has_exact_sums ? sizeof(double) / sizeof(nn::real) : 1;
  for (int block : {0, 1, static_cast<int>(config.model.layers) + 1})
    if (pipelines > 1)
      numbers = std::max(numbers,
                         wide * ring_segment(block_size(config.model, block), pipelines, 0).length);
  if (config.splits_head)  // the first share has most rows
    numbers = std::max(
        {numbers, size_of_block(config, 0, rows_block_of(config)), scores_size(config, 0)});
  if (config.evaluate_every > 0)  // losses, in double
    numbers = std::max(numbers, 2 * static_cast<std::size_t>(config.batch));
  if (config.is_elastic) numbers = std::max(numbers, longest_part_of_handover);
  if (stages > 1) numbers = std::max(numbers, tied_part_size(config.model, 0));
  return texts + sizeof(nn::real) * numbers;
}

std::map<std::string, std::string> training_terms(const TrainingConfig& config) {
  const nn::LanguageModelConfig& m = config.model;
  std::map<std::string, std::string> terms;
  const auto add = [&](const char* name, auto value) {
    char text[64];
    terms[name] = {text, std::to_chars(text, text + sizeof text, value).ptr};  // all digits
  };
  add("bits", 8 * sizeof(nn::real));
  terms["product-precision"] = nn::numbers_of(nn::precision_named(config.precision));
  terms["wire"] = config.wire;
  add("batch", config.batch);
  add("tokens", config.length);
  terms["optimizer"] = config.optimizer;
  add("weight-decay", config.weight_decay);
  add("lr", config.learning_rate);
  add("lr-floor", config.lowest_rate);
  add("warmup", config.warmup);
  if (config.warmup > 0) add("steps", config.steps);  // where the cosine ends
  add("seed", config.seed);
  terms["clip-norm"] = "none";
  if (config.clip_norm > 0) add("clip-norm", config.clip_norm);
  add("held-out", config.held_out);
  terms["sync"] = to_text(config.sync, config.topology.pipelines);
  terms["text"] = config.text;
  terms["model"] = m.kind().name;
  if (m.kind().has_position_table) add("positions", m.max_positions);
  add("vocabulary", m.vocab_size);
  add("d", m.hidden_size);
  add("depth", m.layers);
  add("heads", m.heads);
  add("kv-heads", m.key_value_heads);
  add("hidden", m.intermediate_size);
  return terms;
}

std::string terms(const TrainingConfig& config) {
  std::string text = nn::concat(
      "stages ", config.topology.stages, "\npipelines ", config.topology.pipelines, "\nschedule ",
      config.schedule, "\nchunks ", config.chunks, "\nmicrobatches ", config.microbatches,
      "\nfull-pipelines ", config.pipelines_of_batch(), "\nsteps ", config.steps,
      "\nskip-bad-steps ", config.skips_bad_steps, "\nzero1 ", config.shares_moments,
      "\nsplit-head ", config.splits_head, "\nexact-sums ", config.has_exact_sums, "\neval-every ",
      config.evaluate_every, "\neval-batches ", config.evaluation_batches, "\nsample-every ",
      config.sample_every, "\ncontext ", config.model.max_positions);
  if (config.is_elastic) text += "\nelastic";
  for (const auto& [name, value] : training_terms(config)) text += '\n' + name + ' ' + value;
  return text;
}

}  // namespace pipeline
