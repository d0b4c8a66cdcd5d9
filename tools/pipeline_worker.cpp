// bin/pipeline_worker: one rank of a pipeline- and data-parallel training run, or, alone, a serial
// one. tools/pipeline.sh starts all ranks of a run on one machine.

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <thread>

#include "nn/blas.h"
#include "nn/llama_checkpoint.h"
#include "pipeline/mailbox.h"
#include "tools/program.h"
#include "tools/project/fetch.h"
#include "tools/training/rank.h"

namespace {

std::atomic<bool> stop{false};
void request_stop(int) { stop = true; }

struct CommandLine {
  training::RankOptions rank;
  std::string layers;
  int threads = 0;
  bool only_checks = false;
};

void add_job_options(CLI::App& app, CommandLine& line) {
  pipeline::Job& job = line.rank.job;
  const CLI::Range count(1, 4096), size(1, 1 << 20);
  app.add_option("--stages", job.topology.stages, "parts that the model is cut into: 1")
      ->check(count);
  app.add_option("--pipelines", job.topology.pipelines, "replicas of the whole pipeline: 1")
      ->check(count);
  app.add_option("--schedule", job.schedule, "gpipe, 1f1b, interleaved or zb-h1: 1f1b");
  app.add_option("--chunks", job.chunks, "of each stage, for interleaved: 1")
      ->check(CLI::Range(1, 64));
  app.add_option("--microbatches", job.microbatches, "that a pipeline's batch is cut into: 3")
      ->check(count);
  app.add_option("--layers", line.layers, "of each part, such as 2,2,2; auto measures: even");
  app.add_option("--batch", job.batch, "sequences of a step, all pipelines: one a microbatch")
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--tokens", job.length, "of a sequence: 256")->check(size);
  app.add_option("--steps", job.steps, "5000")->check(CLI::Range(0, 1 << 30));
  app.add_option("--lr", job.learning_rate, "learning rate of Adam: 8e-4");
  app.add_option("--warmup", job.warmup, "steps of warm-up before a cosine; 0, constant: 0");
  app.add_option("--seed", job.seed, "of the first weights: 0")->check(tools::any_seed);
}

// The shape of the model: the course's, or that of --init, but for what is given.
void add_model_options(CLI::App& app, nn::LlamaConfig& model) {
  const CLI::Range size(1, 1 << 20);
  app.add_option("--d", model.d, "width of the model: 288")->check(CLI::Range(1, 1 << 16));
  app.add_option("--depth", model.layers, "layers of the model: 6")->check(CLI::Range(0, 4096));
  app.add_option("--heads", model.heads, "attention heads: 6")->check(size);
  app.add_option("--kv-heads", model.key_value_heads, "key/value heads: as --heads")->check(size);
  app.add_option("--hidden", model.hidden, "width of the feed-forward network: 4 d")->check(size);
}

nn::LlamaConfig model_of(const CLI::App& app, const CommandLine& line) {
  const nn::LlamaConfig& given = line.rank.job.model;
  nn::LlamaConfig model = given;
  if (!line.rank.init.empty()) {
    model = nn::read_config(line.rank.init);
    if (app.count("--d")) model.d = given.d;
    if (app.count("--depth")) model.layers = given.layers;
    if (app.count("--heads")) model.heads = model.key_value_heads = given.heads;
    if (app.count("--kv-heads")) model.key_value_heads = given.key_value_heads;
    if (app.count("--hidden")) model.hidden = given.hidden;
  } else {
    if (!app.count("--hidden")) model.hidden = 4 * model.d;
    if (!app.count("--kv-heads")) model.key_value_heads = model.heads;
  }
  model.context = std::max<nn::index>(model.context, line.rank.job.length);
  return model;
}

void add_run_options(CLI::App& app, CommandLine& line) {
  training::RankOptions& rank = line.rank;
  app.add_option("--rank", rank.rank, "which rank this is: 0");
  app.add_option("--address", rank.addresses,
                 "ipc:///folder or tcp://host:port, where rank r listens at /r or port + r; or the "
                 "addresses of all ranks, separated by commas")
      ->delimiter(',')
      ->take_all();
  app.add_option("--run", rank.run, "number of the run, the same on all ranks: 0")
      ->check(tools::any_seed);
  app.add_option("--timeout", rank.timeout, "seconds of silence until a rank is given up: 60")
      ->check(CLI::Range(0.1, 1e6))
      ->check(
          [](const std::string& text) { return std::string(text == "nan" ? "is no time" : ""); });
  app.add_option("--text", rank.text.text, "UTF-8 text to train on: TinyStories")
      ->check([](const std::string& text) { return std::string(text.empty() ? "is empty" : ""); });
  app.add_option("--data", rank.text.data_raw, "where data/fetch.sh puts things: data/raw");
  app.add_option("--out", rank.out, "folder for losses, traces and the model: out/pipeline");
  app.add_option("--init", rank.init, "folder of a checkpoint to start from");
  app.add_flag("--trace", rank.has_trace, "record what this rank does when");
  app.add_option("--threads", line.threads, "of this rank's matrix products: cores / ranks")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--check", line.only_checks, "say whether the options are right, and end");
}

int run_command(int argc, char** argv) {
  CommandLine line;
  pipeline::Job& job = line.rank.job;
  CLI::App app("One rank of a pipeline- and data-parallel training run of a LLaMA.",
               "pipeline_worker");
  app.get_formatter()->column_width(30);
  app.option_defaults()->take_last();
  add_job_options(app, line);
  add_model_options(app, job.model);
  add_run_options(app, line);
  line.rank.text.data_raw = project::data_raw();
  tools::parse(app, argc, argv);

  if (app.count("--batch") == 0) job.batch = job.microbatches * job.topology.pipelines;
  job.model = model_of(app, line);
  pipeline::require_valid(job);
  const int layers = static_cast<int>(job.model.layers);
  const int parts = job.topology.stages * job.chunks;
  line.rank.is_cut_measured = line.layers == "auto";
  job.cut = line.layers.empty() || line.rank.is_cut_measured
                ? pipeline::default_cut(layers, parts)
                : pipeline::parse_cut(line.layers, layers, parts);

  if (line.only_checks) return 0;

  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  line.rank.cores = cores;
  nn::blas::set_threads(line.threads > 0 ? line.threads
                                         : std::max(1, cores / job.topology.ranks()));
  line.rank.stop = &stop;
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  training::run_rank(line.rank);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return tools::run_program([&] {
    try {
      return run_command(argc, argv);
    } catch (const pipeline::Mailbox::Stopped&) {
      std::cerr << "interrupted\n";
      return 130;
    }
  });
}
