#include "pipeline/optimizers.h"

#include <doctest/doctest.h>

#include <cmath>

#include "pipeline/checkpoint.h"
#include "tests/complaint.h"
#include "tests/pipeline/toy_training.h"
#include "tools/program/temporary_folder.h"

namespace pipeline {

namespace {

TrainingConfig config_with(const char* optimizer, TrainingConfig config) {
  config.optimizer = optimizer;
  config.learning_rate = 0.01;
  config.weight_decay = config.optimizer == "adam" ? 0 : 0.3;
  config.warmup = 1;
  config.lowest_rate = 0.002;
  return config;
}

std::vector<nn::real> train(const TrainingConfig& config) {
  auto stages = toy::as_ranks(config, "optimizers", [&](toy::Rank rank) {
    for (int step = 0; step < config.steps; ++step) rank.worker.step(step);
  });
  const std::vector<nn::real> weights = toy::weights_of(stages, config);
  CHECK(weights == toy::weights_of(stages, config, config.topology.pipelines - 1));
  return weights;
}

// Every tensor has an optimizer of its own, which knows whether its weights decay.
std::vector<nn::real> train_by_hand(const TrainingConfig& config) {
  nn::LanguageModel model(config.model, config.seed);
  nn::Parameters& parameters = model.parameters();
  std::map<std::string, std::unique_ptr<nn::Optimizer>> optimizers;
  for (const auto& [name, shape, offset] : parameters.infos()) {
    const double decay = shape.rank() > 1 ? config.weight_decay : 0;
    if (config.optimizer == "sgd")
      optimizers[name] = std::make_unique<nn::Sgd>(0, nn::SgdOptions{.weight_decay = decay});
    else
      optimizers[name] = std::make_unique<nn::Adam>(
          0, nn::AdamOptions{.weight_decay = decay, .is_decay_decoupled = true});
  }
  const std::vector<std::uint16_t> text = toy::some_text();
  for (int step = 0; step < config.steps; ++step) {
    parameters.zero_gradients();
    std::vector<int> ids(text.begin() + step * toy::length,
                         text.begin() + (step + 1) * toy::length);
    std::vector<int> next(ids.begin() + 1, ids.end());
    next.push_back(-1);
    nn::Tape tape;
    tape.backward(nn::cross_entropy(model.logits(tape, ids, toy::length), next));
    for (const auto& [name, shape, offset] : parameters.infos()) {
      optimizers[name]->set_learning_rate(learning_rate_of(config)(step));
      optimizers[name]->step(parameters.values().subspan(offset, shape.size()),
                             parameters.gradients().subspan(offset, shape.size()));
    }
  }
  return {parameters.values().begin(), parameters.values().end()};
}

}  // namespace

TEST_CASE("weights decay as torch.optim's, and norms do not") {
  for (const char* optimizer : {"adam", "adamw", "sgd"}) {
    CAPTURE(optimizer);
    const TrainingConfig config = config_with(optimizer, toy::config_of("1f1b", 1, 1, 1));
    const std::vector<nn::real> weights = train(config), expected = train_by_hand(config);
    REQUIRE(weights.size() == expected.size());
    double farthest = 0;
    for (std::size_t i = 0; i < weights.size(); ++i)
      farthest = std::max(farthest, static_cast<double>(std::abs(weights[i] - expected[i])));
    CHECK(farthest < 1e-5);
  }
}

TEST_CASE("every optimizer gives the same bits for every cut, schedule and share of moments") {
  for (const char* optimizer : {"adamw", "sgd"})
    for (const nn::ModelFamily& family : nn::families())
      for (int pipelines : {1, 2}) {
        CAPTURE(optimizer);
        CAPTURE(family.name);
        CAPTURE(pipelines);
        const auto weights_with = [&](const char* schedule, int stages, bool shares) {
          TrainingConfig config =
              config_with(optimizer, toy::config_of(schedule, stages, pipelines, 2, family));
          config.shares_moments = shares;
          return train(config);
        };
        const std::vector<nn::real> one = weights_with("gpipe", 1, false);
        for (const char* schedule : {"1f1b", "zb-h1", "zb-v"})
          for (int stages : {1, 2, 3}) CHECK(weights_with(schedule, stages, true) == one);
      }
}

TEST_CASE("a training goes on with its own optimizer, whatever state that has") {
  for (const char* optimizer : {"adam", "adamw", "sgd"}) {
    CAPTURE(optimizer);
    const auto train_until = [&](const TrainingConfig& config, const std::filesystem::path& path,
                                 int last) {
      auto stages = toy::as_ranks(config, "goes-on", [&](toy::Rank rank) {
        nn::CheckpointFolder folder(path);
        Checkpoints checkpoints(folder, config, rank.stage, rank.worker, rank.mailbox);
        for (int step = checkpoints.resume([](const auto&) {}); step < last; ++step)
          rank.worker.step(step);
        checkpoints.save(last, {});
      });
      return toy::weights_of(stages, config);
    };
    TrainingConfig config = config_with(optimizer, toy::config_of("1f1b", 2, 2, 2));
    config.shares_moments = true;
    const tools::TemporaryFolder whole, folder;
    const std::vector<nn::real> weights = train_until(config, whole.path, 3);
    train_until(config, folder.path, 2);
    TrainingConfig other = config;
    other.optimizer = config.optimizer == "sgd" ? "adamw" : "sgd";
    CHECK(complaint_of([&] { train_until(other, folder.path, 3); }) ==
          nn::concat("the checkpoint was made with optimizer ", optimizer, ", this run has ",
                     other.optimizer));
    other = config;
    other.lowest_rate = 0;
    CHECK(complaint_of([&] { train_until(other, folder.path, 3); }) ==
          "the checkpoint was made with lr-floor 0.002, this run has 0");
    CHECK(train_until(config, folder.path, 3) == weights);
  }
}

TEST_CASE("the learning rate falls to its floor, and impossible updates are named") {
  const TrainingConfig config{.steps = 100, .learning_rate = 1, .warmup = 10, .lowest_rate = 0.1};
  CHECK(learning_rate_of(config)(9) == 1);
  CHECK(learning_rate_of(config)(55) == doctest::Approx(0.55));
  CHECK(learning_rate_of(config)(100) == doctest::Approx(0.1));
  const auto refusal = [](const TrainingConfig& wrong) {
    return complaint_of([&] { require_valid(wrong); });
  };
  CHECK(refusal({.optimizer = "adamw", .weight_decay = 0.1}) == "nothing");
  CHECK(refusal({.optimizer = "lion"}) == "there is no optimizer \"lion\"");
  CHECK(refusal({.weight_decay = 0.1}) == "--weight-decay does not go with Adam");
  CHECK(refusal({.optimizer = "sgd", .weight_decay = -1}).starts_with("the weight decay must be"));
  CHECK(refusal({.optimizer = "sgd", .weight_decay = NAN}).starts_with("the weight decay must be"));
  CHECK(refusal({.optimizer = "sgd", .weight_decay = 2000}).starts_with("--lr times"));
  CHECK(refusal({.lowest_rate = 1e-4}).starts_with("without a warm-up"));
  CHECK(refusal({.warmup = 10, .lowest_rate = 1}).starts_with("the learning rate cannot fall"));
}

}  // namespace pipeline
