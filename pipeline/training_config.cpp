#include "pipeline/training_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/real.h"
#include "pipeline/collectives.h"
#include "pipeline/simulate.h"
#include "pipeline/tied_gradients.h"

namespace pipeline {

const ScheduleEntry& schedule_named(std::string_view name) {
  if (const ScheduleEntry* entry = find_schedule(name)) return *entry;
  std::vector<std::string> names;
  for (const ScheduleEntry& entry : schedule_table()) names.emplace_back(entry.name);
  throw nn::InputError(nn::concat("there is no schedule \"", name, '"'),
                       "choose one of " + nn::join(names));
}

void require_valid(const TrainingConfig& config) {
  const auto demand = [](bool holds, const std::string& what, const std::string& hint) {
    if (!holds) throw nn::InputError(what, hint);
  };
  const Topology& t = config.topology;
  demand(t.stages > 0 && t.pipelines > 0, "there must be at least one stage and one pipeline",
         "tools/pipeline.sh STAGES [PIPELINES]");
  demand(t.stages <= 4096 / t.pipelines,
         nn::concat(t.pipelines, " pipelines of ", t.stages, " stages are more than 4096 ranks"),
         "choose fewer");
  const ScheduleEntry& entry = schedule_named(config.schedule);
  demand(
      config.chunks > 0 && (config.chunks == 1 || entry.has_chunks),
      nn::concat("schedule ", config.schedule, " cannot have ", config.chunks, " chunks per stage"),
      "use --schedule interleaved, or --chunks 1");
  demand(config.microbatches > 0, "there must be at least one microbatch", "--microbatches 3");
  const std::int64_t parts = static_cast<std::int64_t>(config.microbatches) * t.pipelines;
  demand(config.batch > 0 && config.batch % parts == 0,
         nn::concat("a batch of ", config.batch, " sequences does not divide into ",
                    config.microbatches, " microbatches",
                    t.pipelines == 1 ? "" : nn::concat(" for each of ", t.pipelines, " pipelines")),
         nn::concat("choose --batch as a multiple of ", parts));
  demand(config.length > 1 && config.length <= config.model.max_positions,
         nn::concat("sequences of ", config.length, " tokens do not fit the model's context of ",
                    config.model.max_positions),
         "choose --tokens between 2 and the context");
  demand(config.steps >= 0, "the number of steps cannot be negative", "--steps 5000");
  demand(config.learning_rate > 0 && std::isfinite(config.learning_rate),
         "the learning rate must be positive and finite", "--lr 8e-4");
  demand(config.warmup == 0 || (config.warmup > 0 && config.warmup < config.steps),
         "the warm-up does not fit into the steps", "choose --warmup from 0 to below --steps");
  demand(config.clip_norm >= 0 && std::isfinite(config.clip_norm),
         "the largest norm of gradients must be positive and finite, or 0 for any",
         "--clip-norm 1");
  try {
    nn::require_valid(config.model);
  } catch (const nn::Error& error) {
    throw nn::InputError(error.what(), "see --d, --heads, --kv-heads, --hidden");
  }
  simulate(all_stages(entry, t.stages, config.microbatches, config.chunks), config.microbatches,
           config.chunks,
           uniform_costs(t.stages, config.chunks));  // throws if stages would deadlock
}

std::vector<std::vector<int>> blocks_of(const TrainingConfig& config, int stage) {
  std::vector<std::vector<int>> chunks(config.chunks);
  const int parts = static_cast<int>(config.cut.size());
  int block = 0;
  for (int part = 0; part < parts; ++part) {
    std::vector<int> blocks;
    if (part == 0) blocks.push_back(block++);
    for (int layer = 0; layer < config.cut[part]; ++layer) blocks.push_back(block++);
    if (part == parts - 1) blocks.push_back(block++);
    if (part % config.topology.stages == stage)
      chunks[part / config.topology.stages] = std::move(blocks);
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
  for (int block : {0, 1, static_cast<int>(config.model.layers) + 1})
    if (pipelines > 1)
      numbers =
          std::max(numbers, ring_segment(block_size(config.model, block), pipelines, 0).length);
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
  add("batch", config.batch);
  add("tokens", config.length);
  add("lr", config.learning_rate);
  add("warmup", config.warmup);
  if (config.warmup > 0) add("steps", config.steps);  // where the cosine ends
  add("seed", config.seed);
  terms["clip-norm"] = "none";
  if (config.clip_norm > 0) add("clip-norm", config.clip_norm);
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
      "\nsteps ", config.steps, "\nskip-bad-steps ", config.skips_bad_steps, "\nzero1 ",
      config.shares_moments, "\ncontext ", config.model.max_positions);
  for (const auto& [name, value] : training_terms(config)) text += '\n' + name + ' ' + value;
  return text;
}

}  // namespace pipeline
