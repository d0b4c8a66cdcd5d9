#include "pipeline/evaluation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <span>

#include "tests/complaint.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

constexpr int batch = 6;

TrainingConfig config_with_evaluations(std::string_view schedule, int stages, int pipelines,
                                       std::string_view family) {
  TrainingConfig config = toy::config_of_six(schedule, stages, pipelines, family);
  config.steps = 3;
  config.held_out = 0.1;
  config.evaluate_every = 2;
  config.evaluation_batches = 3;
  return config;
}

// The losses over `windows` windows of the end of the text, after two steps without updates and
// after the last. All ranks must agree on them.
std::vector<double> evaluate(TrainingConfig config, int windows) {
  config.learning_rate = 1e-30;  // weights stay the same bits, however a batch is summed up
  const std::vector<std::uint16_t> text = toy::some_text(config.model.vocab_size);
  const data::Windows held_out(std::span<const std::uint16_t>(text).last(windows * toy::length),
                               toy::length);
  std::vector<std::vector<double>> losses(config.topology.ranks());
  toy::as_ranks(config, "evaluation", [&](toy::Rank rank) {
    Evaluation evaluation(config, rank.stage, rank.mailbox, held_out);
    for (int step = 0; step < config.steps; ++step) {
      rank.worker.step(step);
      if (is_evaluated_after(config, step + 1))
        losses[rank.rank].push_back(evaluation.loss(step, rank.worker.place()));
    }
  });
  for (const std::vector<double>& of_rank : losses) CHECK(of_rank == losses[0]);
  return losses[0];
}

}  // namespace

TEST_CASE(
    "the validation loss is the mean over the held-out windows, at most those of the batches") {
  const TrainingConfig config = config_with_evaluations("1f1b", 1, 1, "llama");
  const std::vector<std::uint16_t> text = toy::some_text();
  const nn::LanguageModel model(config.model, config.seed);
  for (const int windows : {1, 8, 18, 25}) {
    CAPTURE(windows);
    const int evaluated = std::min(windows, 3 * batch);
    const auto ids = std::span<const std::uint16_t>(text).last(windows * toy::length);
    double sum = 0;
    for (int window = 0; window < evaluated; ++window) {
      const auto own = ids.subspan(window * toy::length, toy::length);
      std::vector<int> inputs(own.begin(), own.end()), next(inputs.begin() + 1, inputs.end());
      next.push_back(-1);
      nn::Tape tape;
      sum += nn::cross_entropy(model.logits(tape, inputs, toy::length), next).value()[0];
    }
    const std::vector<double> losses = evaluate(config, windows);
    REQUIRE(losses.size() == 2);  // after steps 2 and 3
    for (const double loss : losses) CHECK(loss == doctest::Approx(sum / evaluated).epsilon(1e-6));
  }
}

TEST_CASE("the validation loss has the same bits for every cut, schedule and number of pipelines") {
  for (const char* family : {"llama", "gpt2"}) {
    const std::vector<double> one = evaluate(config_with_evaluations("gpipe", 1, 1, family), 14);
    for (const ScheduleEntry& schedule : schedule_table())
      for (const auto& [stages, pipelines] : {std::pair{1, 3}, {2, 1}, {3, 2}}) {
        CAPTURE(schedule.name);
        CAPTURE(stages);
        CAPTURE(pipelines);
        CHECK(evaluate(config_with_evaluations(schedule.name, stages, pipelines, family), 14) ==
              one);
      }
  }
}

TEST_CASE("a split head has the validation loss of a whole one, bit for bit") {
  TrainingConfig config = config_with_evaluations("1f1b", 1, 1, "llama");
  config.model.vocab_size = 4500;
  const std::vector<double> one = evaluate(config, 14);
  for (const char* schedule : {"1f1b", "zb-v"})
    for (const auto& [stages, pipelines] : {std::pair{1, 1}, {2, 3}, {3, 2}}) {
      CAPTURE(schedule);
      CAPTURE(stages);
      TrainingConfig divided = config_with_evaluations(schedule, stages, pipelines, "llama");
      divided.model.vocab_size = 4500;
      divided.splits_head = true;
      CHECK(evaluate(divided, 14) == one);
    }
}

TEST_CASE("evaluations leave the training as it is") {
  const auto train = [](int every) {
    TrainingConfig config = config_with_evaluations("1f1b", 2, 2, "llama");
    config.evaluate_every = every;
    const std::vector<std::uint16_t> text = toy::some_text();
    const data::Windows held_out(text, toy::length);
    auto stages = toy::as_ranks(config, "undisturbed", [&](toy::Rank rank) {
      Evaluation evaluation(config, rank.stage, rank.mailbox, held_out);
      for (int step = 0; step < config.steps; ++step) {
        rank.worker.step(step);
        if (is_evaluated_after(config, step + 1)) evaluation.loss(step, rank.worker.place());
      }
    });
    return toy::weights_of(stages, config);
  };
  CHECK(train(1) == train(0));
}

TEST_CASE("evaluations that cannot be made are named") {
  const auto refusal = [](const TrainingConfig& config) {
    return complaint_of([&] { require_valid(config); });
  };
  CHECK(refusal({.held_out = 0.1, .evaluate_every = 10}) == "nothing");
  CHECK(refusal({.held_out = 1}).starts_with("the share of the text that is held out must"));
  CHECK(refusal({.held_out = NAN}).starts_with("the share of the text that is held out must"));
  CHECK(refusal({.evaluate_every = 10}).starts_with("--eval-every needs text that is held out"));
  CHECK(refusal({.held_out = 0.1, .evaluation_batches = 0}).starts_with("an evaluation needs"));
}

}  // namespace pipeline
