// bin/pipeline_worker: one rank of a pipeline- and data-parallel training run, or, alone, a serial
// one. tools/pipeline.sh starts all ranks of a run on one machine.

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <thread>

#include "nn/blas.h"
#include "pipeline/mailbox.h"
#include "tools/program.h"
#include "tools/training/rank.h"

namespace {

std::atomic<bool> stop{false};
void request_stop(int) { stop = true; }

struct CommandLine {
  training::RankOptions rank;
  std::string layers, text;
  int threads = 0;
};

void add_job_options(CLI::App& app, CommandLine& line) {
  pipeline::Job& job = line.rank.job;
  app.add_option("--stages", job.topology.stages, "parts that the model is cut into: 1");
  app.add_option("--pipelines", job.topology.pipelines, "replicas of the whole pipeline: 1");
  app.add_option("--schedule", job.schedule, "gpipe, 1f1b, interleaved or zb-h1: 1f1b");
  app.add_option("--chunks", job.chunks, "of each stage, for interleaved: 1");
  app.add_option("--microbatches", job.microbatches, "that a pipeline's batch is cut into: 3");
  app.add_option("--layers", line.layers, "of each part, such as 2,2,2; auto measures: even");
  app.add_option("--batch", job.batch, "sequences of a step, all pipelines: one a microbatch");
  app.add_option("--tokens", job.length, "of a sequence: 256");
  app.add_option("--steps", job.steps, "5000");
  app.add_option("--lr", job.learning_rate, "learning rate of Adam: 8e-4");
  app.add_option("--warmup", job.warmup, "steps of warm-up before a cosine; 0, constant: 0");
  app.add_option("--seed", job.seed, "of the first weights: 0");
  app.add_option("--d", job.model.d, "width of the model: 288");
  app.add_option("--depth", job.model.layers, "layers of the model: 6");
  app.add_option("--heads", job.model.heads, "attention heads: 6");
  app.add_option("--kv-heads", job.model.key_value_heads, "key/value heads: as --heads");
  app.add_option("--hidden", job.model.hidden, "width of the feed-forward network: 4 d");
}

void add_run_options(CLI::App& app, CommandLine& line) {
  training::RankOptions& rank = line.rank;
  app.add_option("--rank", rank.rank, "which rank this is: 0");
  app.add_option("--address", rank.addresses,
                 "ipc:///folder or tcp://host:port, where rank r listens at /r or port + r; or the "
                 "addresses of all ranks, separated by commas")
      ->delimiter(',')
      ->take_all();
  app.add_option("--run", rank.run, "number of the run, the same on all ranks: 0");
  app.add_option("--timeout", rank.timeout, "seconds of silence until a rank is given up: 60");
  app.add_option("--text", rank.text.text, "UTF-8 text to train on: TinyStories");
  app.add_option("--out", rank.out, "folder for losses, traces and the model: out/pipeline");
  app.add_option("--init", rank.init, "folder of a checkpoint to start from");
  app.add_flag("--trace", rank.has_trace, "record what this rank does when");
  app.add_option("--threads", line.threads, "of this rank's matrix products: cores / ranks");
}

int run_command(int argc, char** argv) {
  CommandLine line;
  pipeline::Job& job = line.rank.job;
  CLI::App app("One rank of a pipeline- and data-parallel training run of a LLaMA.",
               "pipeline_worker");
  app.get_formatter()->column_width(30);
  app.option_defaults()->take_last();
  add_job_options(app, line);
  add_run_options(app, line);
  tools::parse(app, argc, argv);

  if (app.count("--hidden") == 0) job.model.hidden = 4 * job.model.d;
  if (app.count("--kv-heads") == 0) job.model.key_value_heads = job.model.heads;
  if (app.count("--batch") == 0) job.batch = job.microbatches * job.topology.pipelines;
  job.model.context = std::max<nn::index>(job.model.context, job.length);
  pipeline::require_valid(job);
  const int layers = static_cast<int>(job.model.layers);
  const int parts = job.topology.stages * job.chunks;
  line.rank.is_cut_measured = line.layers == "auto";
  job.cut = line.layers.empty() || line.rank.is_cut_measured
                ? pipeline::default_cut(layers, parts)
                : pipeline::parse_cut(line.layers, layers, parts);

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
