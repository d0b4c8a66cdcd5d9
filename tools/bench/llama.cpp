#include "tools/bench/llama.h"

#include <algorithm>
#include <iterator>

#include "nn/blas.h"
#include "nn/kernels/bf16_products.h"
#include "pipeline/stage_worker.h"
#include "tools/bench/half_precision.h"
#include "tools/bench/suites.h"

namespace bench {

namespace {

pipeline::TrainingConfig serial_config(const nn::LanguageModelConfig& model, int length,
                                       const std::string& precision) {
  pipeline::TrainingConfig config{.model = model, .length = length};
  config.precision = config.wire = precision;
  config.model.max_positions = std::max<nn::index>(model.max_positions, length);
  config.cut = pipeline::default_cut(static_cast<int>(model.layers), 1);
  return config;
}

std::vector<std::uint16_t> random_tokens(const pipeline::TrainingConfig& config) {
  constexpr int windows = 100;
  std::vector<std::uint16_t> ids(static_cast<std::size_t>(windows) * config.length);
  nn::Generator generator(config.seed);
  for (std::uint16_t& id : ids)
    id = static_cast<std::uint16_t>(generator.next32() % config.model.vocab_size);
  return ids;
}

}  // namespace

struct LlamaTraining::Parts {
  Parts(const pipeline::TrainingConfig& config, int threads)
      : config(config),
        ids(random_tokens(config)),
        windows(ids, config.length),
        stage(config.model, pipeline::blocks_of(config, 0), config.length, config.seed, threads),
        mailbox(network, {.addresses = {"inproc://alone"}}),
        worker(this->config, stage, mailbox, &windows, trace) {}

  pipeline::TrainingConfig config;
  std::vector<std::uint16_t> ids;
  data::Windows windows;
  pipeline::Stage stage;
  pipeline::Network network;
  pipeline::Mailbox mailbox;
  pipeline::Trace trace;
  pipeline::StageWorker worker;
  int steps = 0;
};

LlamaTraining::LlamaTraining(const nn::LanguageModelConfig& model, int length, int threads,
                             const std::string& precision) {
  nn::blas::reserve(threads);
  parts_ = std::make_unique<Parts>(serial_config(model, length, precision), threads);
}

LlamaTraining::~LlamaTraining() = default;

void LlamaTraining::step() { parts_->worker.step(parts_->steps++); }

double step_flops(const pipeline::TrainingConfig& config) {
  const nn::LanguageModelConfig& m = config.model;
  const double key_value_width = static_cast<double>(m.key_value_heads * m.head_size());
  const double projections =
      2.0 * m.hidden_size * (m.hidden_size + key_value_width);  // q and o, k and v
  const double feed_forward = 3.0 * m.hidden_size * m.intermediate_size;
  const double attention =
      2.0 * config.length * m.hidden_size;  // scores, and the values they weigh
  const double token =
      m.layers * (projections + feed_forward + attention) + 1.0 * m.hidden_size * m.vocab_size;
  const double passes = 3;  // forwards, to inputs, to weights
  return 2 * passes * token * config.batch * config.length;
}

namespace {

std::shared_ptr<Contestant> ours_in(const std::string& precision, int threads) {
  return std::make_shared<Contestant>(Contestant::ours([precision, threads]() -> Contestant::Jobs {
    const auto training =
        std::make_shared<LlamaTraining>(nn::LanguageModelConfig(), 256, threads, precision);
    return {{"step", [training] { training->step(); }}};
  }));
}

double seconds(Contestant& side) { return side.seconds("step"); }

double memory(Contestant& side) {
  side.seconds("step");
  return side.peak_memory();
}

}  // namespace

std::vector<Benchmark> llama_benchmarks(const SuiteOptions& options) {
  const auto ours = ours_in("float", options.threads);
  const Peers peers(options, "llama.py"), frugal_peers(options, "llama.py", "frugal");
  const pipeline::TrainingConfig config;
  std::vector<Benchmark> benchmarks = {
      {.name = "llama",
       .readings = {{"LLaMA step, one process", "ms", 1e3},
                    {"LLaMA training", "tokens/s", 1.0 * config.batch * config.length, true}},
       .ours = [ours] { return seconds(*ours); },
       .peers = peers.at(seconds),
       .limit = [config,
                 peak = options.peak] { return step_flops(config) / peak->flops_per_second(); }},
      {.name = "llama-memory",
       .readings = {{"LLaMA training, peak memory", "MB", 1e-6}},
       .ours = [ours] { return memory(*ours); },
       .peers = frugal_peers.at(memory)}};
  if (!nn::kernels::has_bf16()) return benchmarks;
  const auto in_bf16 = ours_in("bf16", options.threads);
  std::ranges::move(
      bf16_benchmarks("llama", "LLaMA", in_bf16, ours, Peers(options, "llama.py", "bf16")),
      std::back_inserter(benchmarks));
  benchmarks.push_back(beside_our_float("llama-memory", {"LLaMA training, peak memory", "MB", 1e-6},
                                        in_bf16, ours, memory));
  return benchmarks;
}

}  // namespace bench
