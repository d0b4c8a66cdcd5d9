#include <doctest/doctest.h>

#include "nn/kernels/bf16_products.h"
#include "nn/real.h"
#include "pipeline/activation_wire.h"
#include "pipeline/protocol.h"
#include "tests/complaint.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

TrainingConfig config_in_bf16(std::string_view schedule, int stages, int pipelines = 1) {
  TrainingConfig config = toy::config_of(schedule, stages, pipelines, 3);
  config.precision = nn::kernels::has_bf16() ? "bf16" : "bf16-plain";
  config.wire = "bf16";
  return config;
}

}  // namespace

TEST_CASE("trained in bfloat16, stages have the bits of one process, for every schedule") {
  if (sizeof(nn::real) != sizeof(float)) return;
  const toy::Learnt serial = toy::learn(config_in_bf16("1f1b", 1));
  for (const ScheduleEntry& entry : schedule_table())
    for (const int stages : {2, 3}) {
      CAPTURE(entry.name);
      CAPTURE(stages);
      const toy::Learnt cut = toy::learn(config_in_bf16(entry.name, stages));
      CHECK(cut.losses == serial.losses);
      CHECK(cut.weights == serial.weights);
    }
}

TEST_CASE("recomputing and splitting the head change nothing in bfloat16") {
  if (sizeof(nn::real) != sizeof(float)) return;
  TrainingConfig config = toy::config_with_split_head("1f1b", 3, 1, 2);
  config.precision = "bf16-plain";
  config.wire = "bf16";
  const toy::Learnt split = toy::learn(config);
  config.recomputes = true;
  CHECK(toy::learn(config).weights == split.weights);
  config.splits_head = false;
  CHECK(toy::learn(config).weights == split.weights);
}

TEST_CASE("in bfloat16 no cut changes a loss, whatever else is chosen") {
  if (sizeof(nn::real) != sizeof(float)) return;
  constexpr struct {
    const char* name;
    void (*choose)(TrainingConfig& config);
  } choices[] = {
      {"two pipelines", [](TrainingConfig&) {}},
      {"--exact-sums", [](TrainingConfig& config) { config.has_exact_sums = true; }},
      {"--zero1", [](TrainingConfig& config) { config.shares_moments = true; }},
      {"--recompute", [](TrainingConfig& config) { config.recomputes = true; }},
      {"--split-head",
       [](TrainingConfig& config) {
         config.model.vocab_size = 4500;
         config.splits_head = true;
       }},
      {"--sync-every 2", [](TrainingConfig& config) { config.sync.every = 2; }},
  };
  for (const auto& [name, choose] : choices) {
    CAPTURE(name);
    const auto losses = [&](int stages) {
      TrainingConfig config = config_in_bf16("1f1b", stages, 2);
      choose(config);
      return toy::learn(config).losses;
    };
    CHECK(losses(2) == losses(3));
  }
}

TEST_CASE("bfloat16 trains almost like float, and not exactly") {
  if (sizeof(nn::real) != sizeof(float)) return;
  TrainingConfig config = config_in_bf16("1f1b", 2);
  config.steps = 30;
  const double loss = toy::learn(config).losses.back();
  config.precision = config.wire = "float";
  const double loss_in_float = toy::learn(config).losses.back();
  CHECK(loss != loss_in_float);
  CHECK(loss == doctest::Approx(loss_in_float).epsilon(0.01));
}

TEST_CASE("activations travel as bfloat16 in half of the bytes, and no others are accepted") {
  TrainingConfig config = toy::config_of("1f1b", 2, 1, 1);
  const Tag tag{Tag::activation, 0, 0, 1};
  const std::size_t numbers = activation_size(config);
  CHECK(Protocol(config, 1)(0, tag, numbers * sizeof(nn::real), 0));
  config.wire = "bf16";
  CHECK(activation_bytes(config) == 2 * numbers);
  CHECK(Protocol(config, 1)(0, tag, 2 * numbers, 0));
  CHECK_FALSE(Protocol(config, 1)(0, tag, numbers * sizeof(nn::real), 0));
}

TEST_CASE("an unknown precision or wire is refused") {
  CHECK(complaint_of([] { nn::precision_named("fp8"); }) == "there is no --precision \"fp8\"");
  CHECK(complaint_of([] { activation_wire_named("fp8"); }) == "there is no --wire \"fp8\"");
}

}  // namespace pipeline
