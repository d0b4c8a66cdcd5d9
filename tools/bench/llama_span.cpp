#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/blas.h"
#include "nn/models/language_model.h"
#include "nn/optimizer.h"
#include "nn/tape.h"
#include "pipeline/training_config.h"
#include "tools/bench/profiles.h"
#include "tools/report/axis.h"

namespace bench {

namespace {

// A training step of the course's LLaMA: forward, backward, the check for NaN, and Adam.
class LlamaStep {
 public:
  LlamaStep(int sequences, int microbatches)
      : microbatches_(microbatches), ids_(sequences / microbatches * length) {
    nn::require(sequences > 0 && microbatches > 0 && sequences % microbatches == 0,
                "span: ", sequences, " sequences do not divide into ", microbatches,
                " microbatches");
    nn::blas::reserve(1);
    nn::Generator generator;
    for (int& id : ids_) id = static_cast<int>(generator.next32() % model_.config().vocab_size);
  }

  void operator()(nn::Team& team) {
    nn::Parameters& parameters = model_.parameters();
    phase_ = {};
    tape_.set_team(team);
    for (int i = 0; i < microbatches_; ++i) {
      tape_.reset();
      nn::Var x = model_.embed(tape_, ids_, length);
      for (int block = 1; block < model_.head_block(); ++block) x = model_.layer(block, x, length);
      tape_.backward(model_.loss(x, ids_), nn::real(1) / static_cast<nn::real>(microbatches_));
    }
    phase_ = "check for NaN";
    nn::require(nn::all_finite(parameters.gradients(), team), "span: a gradient is not finite");
    phase_ = "Adam";
    adam_.step(parameters.values(), parameters.gradients(), team);
    phase_ = "zeros for gradients";
    team.split(parameters.size(), 16384, [&](nn::index begin, nn::index end) {
      std::ranges::fill(parameters.gradients().subspan(begin, end - begin), nn::real(0));
    });
  }

  // What it is doing.
  std::string name() const { return phase_.empty() ? tape_.current_op() : phase_; }

 private:
  static constexpr int length = 256;
  int microbatches_;
  nn::LanguageModel model_{nn::LanguageModelConfig()};
  nn::Adam adam_{1e-4};
  nn::Tape tape_;
  std::vector<int> ids_;
  std::string phase_;
};

// The products of the same step's linear layers and head, by themselves, with one sequence per
// microbatch, as the defaults have it. Those of attention, a fortieth, are left out.
class LlamaProducts {
 public:
  LlamaProducts() {
    const nn::LanguageModelConfig c;
    for (nn::index layer = 0; layer < c.layers; ++layer) {
      for (int i = 0; i < 4; ++i) add(c.hidden_size, c.hidden_size);  // q, k, v, o
      for (int i = 0; i < 2; ++i) add(c.hidden_size, c.intermediate_size);
      add(c.intermediate_size, c.hidden_size);
    }
    add(c.hidden_size, c.vocab_size);
  }

  void operator()(int microbatches, nn::Team& team) {
    for (int i = 0; i < microbatches; ++i)
      for (Weight& weight : weights_) multiply(weight, team);
  }

 private:
  static constexpr nn::index tokens = 256;
  struct Weight {
    nn::index in, out;
    std::vector<nn::real> values, x, y;
  };

  void add(nn::index in, nn::index out) {
    const auto zeros = [](nn::index size) { return std::vector<nn::real>(size); };
    weights_.push_back({in, out, zeros(in * out), zeros(tokens * in), zeros(tokens * out)});
  }

  // y = x W^T, dx = dy W, dW += dy^T x
  static void multiply(Weight& w, nn::Team& team) {
    using enum nn::blas::Transpose;
    nn::blas::gemm(team, no, yes, tokens, w.out, w.in, 1, w.x.data(), w.in, w.values.data(), w.in,
                   0, w.y.data(), w.out);
    nn::blas::gemm(team, no, no, tokens, w.in, w.out, 1, w.y.data(), w.out, w.values.data(), w.in,
                   1, w.x.data(), w.in);
    nn::blas::gemm(team, yes, no, w.out, w.in, tokens, 1, w.y.data(), w.out, w.x.data(), w.in, 1,
                   w.values.data(), w.in);
  }

  std::vector<Weight> weights_;
};

CoreTime rehearse(Rehearsal& rehearsal, const std::function<void(nn::Team&)>& work) {
  for (int i = 0; i < rehearsals; ++i) rehearsal.run([&] { work(rehearsal.team()); });
  return rehearsal.time();
}

}  // namespace

std::vector<CoreTime> llama_times(std::span<const int> cores, int sequences) {
  LlamaStep step(sequences, 1);
  std::vector<std::unique_ptr<Rehearsal>> all;
  for (int count : cores) all.push_back(std::make_unique<Rehearsal>(count));
  for (int i = 0; i < rehearsals; ++i)
    for (const auto& rehearsal : all) rehearsal->run([&] { step(rehearsal->team()); });
  std::vector<CoreTime> times;
  for (const auto& rehearsal : all) times.push_back(rehearsal->time());
  return times;
}

report::Table llama_cores(int) {
  return to_table("A LLaMA step with 12 sequences of 256 tokens, by work and span",
                  llama_times(many_cores, 12));
}

report::Table llama_parts(int threads) {
  const pipeline::TrainingConfig config;
  LlamaStep step(config.batch, config.microbatches);
  Rehearsal rehearsal(threads, [&] { return step.name(); }), products_only(threads);
  const CoreTime all = rehearse(rehearsal, std::ref(step));
  LlamaProducts products;
  const CoreTime least =
      rehearse(products_only, [&](nn::Team& team) { products(config.microbatches, team); });

  const std::string on_all = nn::concat("On ", threads, threads == 1 ? " core" : " cores", ", ms");
  report::Table table{"A LLaMA step, one process: where its time goes by work and span",
                      {"Op", "Work, ms", on_all},
                      {}};
  const auto add = [&](const std::string& name, const CoreTime& time) {
    table.rows.push_back(
        {name, report::fixed(1e3 * time.work, 1), report::fixed(1e3 * time.seconds, 1)});
  };
  std::vector<std::pair<std::string, CoreTime>> parts;
  for (const auto& part : rehearsal.time_by_name()) parts.push_back(part);
  std::ranges::sort(parts, {}, [](const auto& part) { return -part.second.work; });
  for (const auto& [name, time] : parts) add(name, time);
  add("all", all);
  add("its matrix products alone", least);
  return table;
}

}  // namespace bench
