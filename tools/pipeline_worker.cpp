// bin/pipeline_worker: one rank of a pipeline- and data-parallel training run; with no other ranks,
// serial training. tools/pipeline.sh starts all ranks of a run on one machine.

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "data/tokenizers/tokenizer.h"
#include "nn/base/error.h"
#include "nn/base/named_row.h"
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
#include "tools/program/open_files.h"
#include "tools/program/options.h"
#include "tools/program/privacy.h"
#include "tools/program/program.h"
#include "tools/program/signals.h"
#include "tools/project/fetch.h"
#include "tools/training/access.h"
#include "tools/training/command_line.h"
#include "tools/training/elastic.h"
#include "tools/training/elastic_options.h"
#include "tools/training/launcher.h"
#include "tools/training/memory.h"
#include "tools/training/rank.h"
#include "tools/training/rehearsal.h"
#include "tools/training/run_folder.h"
#include "tools/training/schedule_file.h"
#include "tools/training/text_choice.h"

namespace {

using training::CommandLine;

nn::LanguageModelConfig model_of(const CommandLine& line) {
  const auto& [family, d, layers, heads, key_value_heads, hidden] = line.model;
  const bool is_new = line.rank.init.empty();
  std::optional<nn::ModelCheckpoint> init;  // checks its files against its config.json
  if (!is_new) init.emplace(line.rank.init);
  nn::LanguageModelConfig model = is_new ? nn::LanguageModelConfig{} : init->config();
  if (family) model.family = &nn::row_named(nn::families(), *family, "model");
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

void set_schedule(pipeline::TrainingConfig& config, const training::ScheduleSize& size) {
  if (training::is_schedule_file(config.schedule)) {
    auto [text, plan] = training::read_schedule_file(config.schedule, size);
    return pipeline::give_plan(config, std::move(plan), text);
  }
  config.topology.stages = size.stages.value_or(config.topology.stages);
  config.microbatches = size.microbatches.value_or(config.microbatches);
  config.chunks = size.chunks.value_or(pipeline::schedule_named(config.schedule).least_chunks);
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
                   (training::meeting_prefix + (launch ? launch->run : "of-ranks"));
  }
  if (!launch || rank.rank != 0) return;
  std::cout << "launcher: " << launch->launcher << " (" << launch->evidence << "); "
            << topology.stages << " stages x " << topology.pipelines
            << (topology.pipelines == 1 ? " pipeline" : " pipelines");
  if (!rank.meeting.empty()) std::cout << "; meeting in " << rank.meeting.string();
  std::cout << std::endl;
}

int run_command(int argc, char** argv) {
  CommandLine line;
  pipeline::TrainingConfig& config = line.rank.config;
  tools::Options options(
      "pipeline_worker",
      "One rank of a pipeline- and data-parallel training run of a language model.");
  training::add_options(options, line);
  line.rank.text.data_raw = project::data_raw();
  line.rank.run = training::run_of_environment();
  line.rank.first_start = training::first_start_of_environment();
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
  config.wire = line.wire.value_or(config.precision == "float" ? "float" : "bf16");
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
  if (!line.rehearsed.empty()) training::set_rehearsal(line.rank, line.rehearsed);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  line.rank.cores = cores;
  line.rank.threads = line.threads.value_or(std::max(1, cores / line.ranks_here));
  nn::blas::reserve(line.rank.threads);
  // Other vocabularies are known only with the text.
  if (line.rank.text.tokenizer == "bytes")
    config.model.vocab_size = data::byte_tokenizer()->vocabulary();
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
  tools::allow_many_files();  // connections of strangers need some, too
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
