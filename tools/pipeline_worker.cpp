// bin/pipeline_worker: one rank of a pipeline- and data-parallel training run; with no other ranks,
// serial training. tools/pipeline.sh starts all ranks of a run on one machine.

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/blas.h"
#include "nn/models/hugging_face.h"
#include "nn/models/language_model.h"
#include "nn/tensor.h"
#include "pipeline/cut.h"
#include "pipeline/mailbox/keys.h"
#include "pipeline/mailbox/mailbox.h"
#include "pipeline/optimizers.h"
#include "pipeline/topology.h"
#include "pipeline/training_config.h"
#include "tools/program/options.h"
#include "tools/program/privacy.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/project/fetch.h"
#include "tools/training/access.h"
#include "tools/training/elastic.h"
#include "tools/training/elastic_options.h"
#include "tools/training/launcher.h"
#include "tools/training/memory.h"
#include "tools/training/rank.h"
#include "tools/training/run_folder.h"
#include "tools/training/schedule_file.h"
#include "tools/training/text_choice.h"

namespace {

// The options that change the course's model, or the model of --init.
struct ModelOptions {
  std::optional<std::string> family;
  std::optional<nn::index> d, layers, heads, key_value_heads, hidden;
};

struct CommandLine {
  training::RankOptions rank;
  ModelOptions model;
  training::ScheduleSize size;
  std::string layers;
  std::optional<int> pipelines, batch, threads, parent, number;
  std::optional<double> weight_decay;
  std::optional<std::string> checkpoint;
  std::string launcher = "auto";
  std::filesystem::path meet, new_keys;
  bool only_checks = false;
  int ranks_here = 1;  // on this machine
};

constexpr int largest_count = 4096, largest_size = 1 << 20;

void add_training_options(tools::Options& options, CommandLine& line) {
  pipeline::TrainingConfig& config = line.rank.config;
  options.add("--stages", line.size.stages, "stages that the model is cut into: 1")
      .between(1, largest_count);
  options
      .add("--pipelines", line.pipelines,
           "replicas of the whole pipeline: 1, or what the launcher's processes make")
      .between(1, largest_count);
  options
      .add("--schedule", config.schedule,
           pipeline::schedule_names() + ", or a .csv file as PyTorch writes them")
      .in_any_case(tools::names_of(pipeline::schedule_table()));
  options.add("--chunks", line.size.chunks, "chunks per stage: as few as the schedule can have")
      .between(1, pipeline::most_chunks_of_stage);
  options.add("--microbatches", line.size.microbatches, "microbatches per pipeline and step: 3")
      .between(1, largest_count);
  options.add("--layers", line.layers, "layers per part, such as 2,2,2, or auto to measure: even");
  options.add("--batch", line.batch, "sequences per step, over all pipelines: one per microbatch")
      .between(1, 1 << 24);
  options.add("--tokens", config.length, "tokens per sequence").between(1, largest_size);
  options.add("--steps", config.steps, "training steps").between(0, 1 << 30);
  options.add("--optimizer", config.optimizer, "adam, adamw or sgd")
      .among(tools::names_of(pipeline::optimizer_table()));
  options.add("--weight-decay", line.weight_decay,
              "of all weights but norms and biases, as AdamW has it: 0.01 with adamw, 0 with sgd");
  options.add("--lr", config.learning_rate, "learning rate");
  options.add("--warmup", config.warmup,
              "steps of warm-up before a cosine decay; 0, constant rate");
  options.add("--lr-floor", config.lowest_rate, "learning rate at the end of the cosine");
  options.add("--held-out", config.held_out,
              "share of the text, at its end, that is kept for validation");
  options
      .add("--eval-every", config.evaluate_every,
           "steps between evaluations of the held-out text; 0, none")
      .between(0, 1 << 30);
  options.add("--eval-batches", config.evaluation_batches, "batches of an evaluation, at most")
      .between(1, 1 << 24);
  options
      .add("--sample-every", config.sample_every,
           "steps between stories from the model as it is, in OUT/samples.txt; 0, none")
      .between(0, 1 << 30);
  options.add("--seed", config.seed, "seed of the initial weights")
      .between(std::uint64_t{0}, tools::largest_seed);
  options.add("--clip-norm", config.clip_norm,
              "largest norm of a step's gradients, all stages together; 0, any");
  options.add("--exact-sums", config.has_exact_sums,
              "add up gradients of microbatches so that the bits do not depend on which pipeline "
              "has which");
  options.add("--skip-bad-steps", config.skips_bad_steps,
              "skip steps with a NaN or infinity, which otherwise end the run");
}

void add_elastic_options(tools::Options& options, CommandLine& line) {
  options
      .add("--elastic", line.rank.config.is_elastic,
           "go on without pipelines that are lost, and with those that come")
      .not_in_config();
  options
      .add("--members", line.rank.members,
           "replay the members.csv of an elastic run: the same pipelines leave and join at the "
           "same steps")
      .not_in_config();
}

void add_memory_options(tools::Options& options, pipeline::TrainingConfig& config) {
  options.add("--recompute", config.recomputes,
              "keep only the inputs of layers and head, and run them again: less memory, slower");
  options.add("--split-head", config.splits_head,
              "divide the head over all stages, instead of leaving it to the last one");
  options.add("--zero1", config.shares_moments,
              "share the optimizer's moments out over the pipelines, as ZeRO stage 1 and PyTorch's "
              "ZeroRedundancyOptimizer do");
}

void add_model_options(tools::Options& options, ModelOptions& model) {
  options.add("--model", model.family, nn::concat("kind of model, ", nn::family_names(), ": llama"))
      .in_any_case(tools::names_of(nn::families()));
  options.add("--d", model.d, "width of the model: 288").between(1, 1 << 16);
  options.add("--depth", model.layers, "layers of the model: 6").between(0, largest_count);
  options.add("--heads", model.heads, "attention heads: 6").between(1, largest_size);
  options.add("--kv-heads", model.key_value_heads, "key/value heads: as many as --heads")
      .between(1, largest_size);
  options.add("--hidden", model.hidden, "width of the feed-forward network: 4 d")
      .between(1, largest_size);
}

const nn::ModelFamily& family_named(const std::string& name) {
  if (const nn::ModelFamily* found = nn::find_family(name)) return *found;
  throw nn::InputError(nn::concat("there is no model \"", name, '"'),
                       "choose " + nn::family_names());
}

nn::LanguageModelConfig model_of(const CommandLine& line) {
  const auto& [family, d, layers, heads, key_value_heads, hidden] = line.model;
  const bool is_new = line.rank.init.empty();
  std::optional<nn::ModelCheckpoint> init;  // checks its files against its config.json
  if (!is_new) init.emplace(line.rank.init);
  nn::LanguageModelConfig model = is_new ? nn::LanguageModelConfig{} : init->config();
  if (family) model.family = &family_named(*family);
  if (is_new) model.epsilon = model.kind().epsilon;
  model.hidden_size = d.value_or(model.hidden_size);
  model.layers = layers.value_or(model.layers);
  model.heads = heads.value_or(model.heads);
  model.key_value_heads =
      key_value_heads.value_or(is_new || heads ? model.heads : model.key_value_heads);
  model.intermediate_size =
      hidden.value_or(is_new ? 4 * model.hidden_size : model.intermediate_size);
  model.max_positions = std::max<nn::index>(model.max_positions, line.rank.config.length);
  if (init) init->require_fits(model);
  return model;
}

void add_run_options(tools::Options& options, CommandLine& line) {
  training::RankOptions& rank = line.rank;
  options
      .add("--launcher", line.launcher,
           "what started the ranks and tells their numbers: " +
               nn::join(training::launcher_names(), ", ", " or "))
      .among(training::launcher_names())
      .not_in_config();
  options.add("--rank", line.number, "number of this rank: the launcher's, or 0").not_in_config();
  options
      .add("--meet", line.meet,
           "folder that all ranks see, in which they exchange addresses and keys: OUT")
      .not_in_config();
  options
      .add("--host", rank.host,
           "this machine's address for the other ranks: that of the default route")
      .not_in_config();
  options
      .add("--address", rank.addresses,
           "ipc:///folder or tcp://host:port: rank r listens at /r or port + r; "
           "tcp://host-{rank}:port; "
           "or the addresses of all ranks, separated by commas")
      .not_in_config();
  options.add("--run", rank.run, "number of the run, the same on all ranks; or $TRIBUTARY_RUN")
      .between(std::uint64_t{0}, tools::largest_seed)
      .not_in_config();
  options
      .add("--keys", rank.keys,
           "folder with keys from --make-keys, for addresses beyond this machine")
      .not_in_config();
  options.add("--timeout", rank.timeout, "longest wait for another rank, in seconds")
      .between(0.1, 1e6);
  options.add("--heartbeat", rank.heartbeat, "seconds until a frozen rank counts as lost")
      .between(0.1, 1e6);
  options
      .add("--text", rank.text.text,
           "UTF-8 text to train on, or " + nn::join(tools::names_of(data::known_texts()), ", ") +
               ": tinystories")
      .not_empty();
  options
      .add("--tokenizer", rank.text.tokenizer,
           "bytes, or a tokenizer.json: that of --init, or else the model's own")
      .not_empty();
  options.add("--data", rank.text.data_raw, "folder of what data/fetch.sh downloads");
  options.add("--out", rank.out, "folder for losses, traces and the model");
  options.add("--tensorboard", rank.tensorboard,
              "folder for TensorBoard: losses, learning rate, norms, tokens per second, share of "
              "peak; none");
  options.add("--init", rank.init, "folder of a model to start from");
  options.add("--checkpoint", line.checkpoint, "folder for checkpoints to resume from: OUT/steps")
      .not_empty();
  options.add("--checkpoint-every", rank.checkpoint_every, "steps between checkpoints; 0, none")
      .between(0, 1 << 30);
  options.add("--resume", rank.is_resumed, "continue from the newest checkpoint").not_in_config();
  options.add("--trace", rank.has_trace, "record a timeline of this rank");
  options.add("--threads", line.threads, "threads of this rank: cores / ranks").between(1, 1024);
  options.add("--state", rank.state, "one-line file that says what this rank is doing: none")
      .not_in_config();
  options
      .add("--parent", line.parent, "process that started this rank; the rank stops when it ends")
      .not_in_config();
  options.add("--make-keys", line.new_keys, "make keys for all ranks in this folder, and exit")
      .not_in_config();
  options
      .add(
          "--check", line.only_checks,
          "check the options, print the umask that keeps private input private, what data/fetch.sh "
          "should bring and the folder for results, and exit")
      .not_in_config();
}

void set_schedule(pipeline::TrainingConfig& config, const training::ScheduleSize& size) {
  if (training::is_schedule_file(config.schedule)) {
    auto [text, plan] = training::read_schedule_file(config.schedule, size);
    return pipeline::give_plan(config, std::move(plan), text);
  }
  config.topology.stages = size.stages.value_or(config.topology.stages);
  config.microbatches = size.microbatches.value_or(config.microbatches);
  config.chunks = size.chunks.value_or(pipeline::schedule_named(config.schedule).least_chunks);
}

// Keeps connections of strangers from using up the files that this process may open.
void allow_many_files() {
  rlimit limit;
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Ranks that a launcher started, or that have only a --meet, learn each other's addresses in a
// folder. A given --rank, --address or --pipelines counts more than what the launcher says.
void set_ranks(CommandLine& line) {
  training::RankOptions& rank = line.rank;
  pipeline::Topology& topology = rank.config.topology;
  const bool is_by_hand = line.number && !rank.addresses.empty();
  const std::optional<training::Launch> launch = training::find_launch(
      is_by_hand ? "none" : line.launcher, training::environment_of_this_process());
  rank.rank = line.number.value_or(launch ? launch->rank : 0);
  topology.pipelines = launch ? training::pipelines_of(*launch, topology.stages, line.pipelines)
                              : line.pipelines.value_or(1);
  line.ranks_here = launch ? launch->ranks_here : topology.ranks();
  const bool meets = topology.ranks() > 1 || rank.config.is_elastic;
  if (meets && rank.addresses.empty() && (launch || !line.meet.empty())) {
    if (!rank.keys.empty())
      throw nn::InputError("--keys needs --address: ranks that meet in a folder make their own",
                           "leave --keys out");
    rank.meeting = (line.meet.empty() ? rank.out : line.meet) /
                   (".meeting-" + (launch ? launch->run : "of-ranks"));
  }
  if (!launch || rank.rank != 0) return;
  std::cout << "launcher: " << launch->launcher << " (" << launch->evidence << "); "
            << topology.stages << " stages x " << topology.pipelines << " pipelines";
  if (!rank.meeting.empty()) std::cout << "; meeting in " << rank.meeting.string();
  std::cout << std::endl;
}

int run_command(int argc, char** argv) {
  CommandLine line;
  pipeline::TrainingConfig& config = line.rank.config;
  tools::Options options(
      "pipeline_worker",
      "One rank of a pipeline- and data-parallel training run of a language model.");
  add_training_options(options, line);
  add_elastic_options(options, line);
  add_memory_options(options, config);
  add_model_options(options, line.model);
  add_run_options(options, line);
  line.rank.text.data_raw = project::data_raw();
  line.rank.run = training::run_of_environment();
  options.add_config();
  options.parse(argc, argv);
  line.rank.config_file = options.config();
  line.rank.checkpoint = line.checkpoint ? std::filesystem::path(*line.checkpoint)
                                         : training::own_checkpoints(line.rank.out);
  const unsigned umask =
      tools::keep_private({line.rank.text.text, line.rank.init,
                           line.rank.is_resumed ? line.rank.checkpoint : std::filesystem::path()});

  set_schedule(config, line.size);
  set_ranks(line);
  config.batch = line.batch.value_or(config.microbatches * config.topology.pipelines);
  config.weight_decay =
      line.weight_decay.value_or(pipeline::optimizer_named(config.optimizer).weight_decay);
  config.model = model_of(line);
  training::choose_vocabulary(line.rank.text, line.rank.init, config.model.kind().vocabulary);
  pipeline::require_valid(config);
  const int layers = static_cast<int>(config.model.layers);
  const int parts = config.topology.stages * config.chunks;
  line.rank.is_cut_measured = line.layers == "auto";
  config.cut = line.layers.empty() || line.rank.is_cut_measured
                   ? pipeline::default_cut(layers, parts)
                   : pipeline::parse_cut(line.layers, layers, parts);

  if (!line.new_keys.empty()) {
    pipeline::make_keys(line.new_keys, config.topology.ranks());
    std::cout << "keys for " << config.topology.ranks() << " ranks: " << line.new_keys.string()
              << '\n';
    return 0;
  }
  if (!config.is_elastic && !line.rank.members.empty())
    throw nn::InputError("--members replays an elastic run", "add --elastic");
  if (config.is_elastic) training::require_elastic(line.rank);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  line.rank.cores = cores;
  line.rank.threads = line.threads.value_or(std::max(1, cores / line.ranks_here));
  nn::blas::reserve(line.rank.threads);
  training::require_memory(config, training::memory_of_this_machine());
  // A process that takes a lost one's place finds what that one has saved.
  const bool may_come_later = config.is_elastic && !line.only_checks;
  if (line.rank.rank == 0 && !may_come_later) training::require_valid_folders(line.rank);
  if (line.only_checks) {
    if (!line.rank.addresses.empty()) training::mailbox_options(line.rank);
    std::cout << "umask " << std::oct << umask << "\nfetch "
              << training::datasets_of(line.rank.text, config.model.kind().vocabulary) << "\nout "
              << line.rank.out.string() << "\ntrace " << (line.rank.has_trace ? "yes" : "") << '\n';
    return 0;
  }

  line.rank.stop = &tools::stop_on_signals();
  if (line.parent) tools::stop_with_parent(*line.parent);
  allow_many_files();
  if (config.is_elastic ? training::run_elastic_rank(line.rank) : training::run_rank(line.rank))
    return 0;
  if (!line.parent && line.rank.rank == 0)
    std::cerr << "hint: to continue, repeat the command with --resume\n";
  return 130;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] {
    try {
      return run_command(argc, argv);
    } catch (const pipeline::Mailbox::Stopped&) {
      std::cerr << "interrupted\n";
      return 130;
    } catch (const std::bad_alloc&) {
      throw nn::InputError("there is not enough memory for this run",
                           "choose a smaller --tokens, --batch, --d, --hidden or --depth");
    }
  });
}
