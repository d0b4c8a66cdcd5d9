#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "nn/blas.h"
#include "nn/kernels/bf16_products.h"
#include "nn/layers.h"
#include "nn/models/language_model.h"
#include "nn/optimizer.h"
#include "nn/parameters.h"
#include "nn/precision.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "tools/bench/half_precision.h"
#include "tools/bench/suites.h"

namespace bench {

namespace {

constexpr nn::index batch = 4, length = 64, tokens = batch * length;

nn::LanguageModelConfig small_gpt2() {
  const nn::ModelFamily* family = nn::find_family("gpt2");
  return {.vocab_size = 50257,
          .hidden_size = 768,
          .layers = 12,
          .heads = 12,
          .key_value_heads = 12,
          .intermediate_size = 3072,
          .max_positions = 1024,
          .epsilon = family->epsilon,
          .family = family};
}

// GPT-2 of 124M parameters, whose head shares the weights of the embedding, on random tokens.
class Gpt2Training {
 public:
  Gpt2Training(int threads, nn::Precision precision)
      : adam_(1e-4, {.weight_decay = 0.01, .is_decay_decoupled = true}), team_(threads) {
    nn::blas::reserve(threads);
    const nn::LanguageModelConfig config = small_gpt2();
    const nn::ModelFamily& family = *config.family;
    nn::Generator generator;
    const nn::Scope scope(parameters_, generator);
    embedding_ = family.embedding(scope, config);
    parameters_.tie(std::string(family.tied_head), 0);
    for (nn::index i = 0; i < config.layers; ++i) layers_.push_back(family.layer(scope, config, i));
    head_ = family.head(scope, scope, config);
    for (int i = 0; i < tokens; ++i) {
      ids_.push_back(static_cast<int>(generator.next32() % config.vocab_size));
      targets_.push_back(static_cast<int>(generator.next32() % config.vocab_size));
    }
    tape_.set_team(team_);
    tape_.set_precision(precision);
  }

  void step() {
    tape_.reset();
    parameters_.zero_gradients();
    nn::Var x = embedding_->forward(tape_, ids_, length, 0);
    for (const auto& layer : layers_) x = layer->forward(x, length);
    tape_.backward(head_->loss(x, targets_));
    adam_.step(parameters_.values(), parameters_.gradients(), team_);
  }

 private:
  nn::Parameters parameters_;
  nn::Adam adam_;
  nn::Team team_;
  nn::Tape tape_;
  std::unique_ptr<nn::EmbeddingBlock> embedding_;
  std::vector<std::unique_ptr<nn::LayerBlock>> layers_;
  std::unique_ptr<nn::HeadBlock> head_;
  std::vector<int> ids_, targets_;
};

// Floating-point operations of the matrix products of a step: 191.6e9, counted as in llama.h.
double gpt2_flops() {
  const nn::LanguageModelConfig c = small_gpt2();
  const nn::index layer =
      c.hidden_size * (4 * c.hidden_size + 2 * c.intermediate_size + 2 * length);
  constexpr double operations = 6;  // forwards, to inputs, to weights: a multiply-add each
  return operations * tokens * static_cast<double>(c.layers * layer + c.hidden_size * c.vocab_size);
}

std::shared_ptr<Contestant> ours_in(nn::Precision precision, int threads) {
  return std::make_shared<Contestant>(Contestant::ours([precision, threads]() -> Contestant::Jobs {
    const auto training = std::make_shared<Gpt2Training>(threads, precision);
    return {{"step", [training] { training->step(); }}};
  }));
}

// llm.c's program with all threads, in the folder that LLMC names: absent without it.
Peers llmc_peers(SuiteOptions options) {
  std::erase_if(options.peer_ways,
                [&](const PeerWay& way) { return way.spins || way.threads < options.threads; });
  const char* folder = std::getenv("LLMC");
  return {options, "llmc.py", folder ? folder : ""};
}

}  // namespace

std::vector<Benchmark> gpt2_benchmarks(const SuiteOptions& options) {
  const auto ours = ours_in(nn::Precision::full, options.threads);
  const auto beside = [&](const std::string& name, const std::string& text, const Peers& peers) {
    return Benchmark{
        .name = name,
        .readings = {{text, "ms", 1e3}},
        .ours = [ours] { return ours->seconds("step"); },
        .peers = peers.at([](Contestant& peer) { return peer.seconds("step"); }),
        .limit = [peak = options.peak] { return gpt2_flops() / peak->flops_per_second(); }};
  };
  std::vector<Benchmark> benchmarks = {
      beside("gpt2", "GPT-2 step, 124M parameters", Peers(options, "gpt2.py")),
      beside("gpt2-llmc", "GPT-2 step, beside llm.c", llmc_peers(options))};
  if (!nn::kernels::has_bf16()) return benchmarks;
  const auto in_bf16 = ours_in(nn::Precision::bf16, options.threads);
  std::ranges::move(
      bf16_benchmarks("gpt2", "GPT-2", in_bf16, ours, Peers(options, "gpt2.py", "bf16")),
      std::back_inserter(benchmarks));
  return benchmarks;
}

}  // namespace bench
