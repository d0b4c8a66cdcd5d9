#include "tools/training/command_line.h"

#include <cstdint>

#include "data/text/text.h"
#include "nn/base/error.h"
#include "nn/base/split.h"
#include "nn/models/language_model.h"
#include "nn/precision.h"
#include "pipeline/activation_wire.h"
#include "pipeline/optimizers.h"
#include "pipeline/outer_steps/wire_formats.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/training_config.h"
#include "tools/training/launcher.h"

namespace training {

namespace {

constexpr int largest_size = 1 << 20;

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
  options
      .add("--precision", config.precision,
           "factors of matrix products: float, or rounded to bf16, with sums, weights and moments "
           "in float; bf16-plain, the same numbers on any processor, slowly")
      .among(tools::names_of(nn::precision_table()));
  options
      .add("--wire", line.wire,
           "numbers that stages pass on: float or bf16, which halves the bytes; by default bf16 "
           "with "
           "--precision bf16 or bf16-plain")
      .among(tools::names_of(pipeline::activation_wire_table()));
  options.add("--exact-sums", config.has_exact_sums,
              "add up gradients of microbatches so that the bits do not depend on which pipeline "
              "has which");
  options.add("--skip-bad-steps", config.skips_bad_steps,
              "skip steps with a NaN or infinity, which otherwise end the run");
}

void add_sync_options(tools::Options& options, pipeline::Synchronisation& sync) {
  options
      .add(
          "--sync-every", sync.every,
          "steps that pipelines train alone before they agree on their weights, as DiLoCo does; 0, "
          "gradients are averaged in every step")
      .between(0, 1 << 30);
  options.add("--outer-lr", sync.learning_rate, "learning rate of such an agreement");
  options.add("--outer-momentum", sync.momentum, "Nesterov momentum of such an agreement");
  options.add("--sync-wire", sync.wire, "how the numbers of such an agreement are sent")
      .among(tools::names_of(pipeline::wire_format_table()));
  options
      .add("--stream", sync.fragments,
           "fragments of the model that agree in turn while training goes on, as in Streaming "
           "DiLoCo; 0, all at once")
      .between(0, largest_count);
  options.add("--stream-delay", sync.delay, "steps that the agreement on a fragment takes")
      .between(0, 1 << 30);
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
              "split the head over all stages, instead of leaving it to the last one");
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

void add_run_options(tools::Options& options, CommandLine& line) {
  RankOptions& rank = line.rank;
  options
      .add("--launcher", line.launcher,
           "what started the ranks and tells their numbers: " +
               nn::join(launcher_names(), ", ", " or "))
      .among(launcher_names())
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
  options
      .add("--rehearse", line.rehearsed,
           "costs.json of another run: sleep for its costs instead of computing, but exchange real "
           "messages")
      .not_in_config();
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

}  // namespace

void add_options(tools::Options& options, CommandLine& line) {
  pipeline::TrainingConfig& config = line.rank.config;
  add_training_options(options, line);
  add_sync_options(options, config.sync);
  add_elastic_options(options, line);
  add_memory_options(options, config);
  add_model_options(options, line.model);
  add_run_options(options, line);
}

}  // namespace training
