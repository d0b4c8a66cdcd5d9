#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/pipeline/scenario.h"
#include "tests/pipeline/toy_training.h"
#include "tests/pipeline/trial.h"

// Cases that seeds have found; blame.cpp has others.
namespace pipeline {

namespace {

TrainingConfig elastic_config(int stages, int pipelines) {
  TrainingConfig config = toy::config_of("1f1b", stages, pipelines, 2);
  config.is_elastic = config.has_exact_sums = true;
  config.steps = 4;
  return config;
}

Fault fault(int rank, std::string_view kind, Phase phase, int look, int other) {
  return {.kind = kind_named(kind), .rank = rank, .other = other, .phase = phase, .look = look};
}

Fault fault(int rank, std::string_view kind, Phase phase, int look) {
  return fault(rank, kind, phase, look, rank);
}

// All ranks compute for as long.
SimulatedNetwork::Weather weather(int ranks, std::chrono::milliseconds work,
                                  std::chrono::microseconds latency = {}) {
  return {.latency = latency, .work = std::vector<std::chrono::microseconds>(ranks, work)};
}

// What is wrong with a training; the seed decides its messages' delays.
std::string finding_of(const Scenario& scenario, int seed) {
  Dice dice(seed);
  return Trials().run(scenario, dice).finding;
}

// What is wrong if a start of the training is like this, and the next one has no faults.
std::string finding_of(const TrainingConfig& config, Start start,
                       std::chrono::microseconds latency) {
  const auto conditions = weather(config.topology.ranks(), std::chrono::milliseconds(3), latency);
  return finding_of({config, {}, {}, conditions, {std::move(start), {}}}, 1);
}

std::string finding_of(const TrainingConfig& config, std::vector<Fault> faults) {
  return finding_of(config, Start{std::move(faults)}, {});
}

}  // namespace

// A message that still reads them would find other numbers, which the network notices.
TEST_CASE("no message reads the moments of a rank that has failed meanwhile") {
  TrainingConfig config = toy::config_of("1f1b", 2, 2, 2);
  config.shares_moments = true;
  for (int operation = 0; operation < 20; ++operation)
    CHECK(finding_of(config, {.disk_operation = operation}, std::chrono::milliseconds(40)) == "");
}

TEST_CASE("what follows a step is done again if a rank is lost meanwhile") {
  TrainingConfig config = elastic_config(2, 2);
  config.held_out = 0.1;
  config.evaluate_every = 1;
  config.evaluation_batches = 2;
  for (int rank : {0, 3})
    for (int look = 4; look < 64; look += 6)
      CHECK(finding_of(config, {fault(rank, "crashes", Phase::training, look)}) == "");
}

TEST_CASE("a run is ended by those that are left when a rank is lost at the last checkpoint") {
  TrainingConfig config = elastic_config(2, 3);
  config.steps = 2;
  for (int rank : {0, 1})
    for (int look : {0, 1, 2})
      CHECK(finding_of(config, {fault(rank, "crashes", Phase::saving, look)}) == "");
}

TEST_CASE("a rank that was away while it saved leaves the checkpoints of the others alone") {
  for (const char* const kind : {"computes forever", "freezes"})
    CHECK(finding_of(elastic_config(3, 2), {fault(0, kind, Phase::saving, 0)}) == "");
}

TEST_CASE("ranks that were suspended while they met or agreed do not give up") {
  for (int look : {0, 1, 2, 3})
    CHECK(finding_of(toy::config_of("1f1b", 3, 1, 2),
                     {fault(1, "is suspended with all others", Phase::meeting, look)}) == "");
  for (int rank : {0, 2})
    for (int look : {0, 1, 2, 3})
      CHECK(finding_of(elastic_config(3, 1),
                       {fault(rank, "is suspended with all others", Phase::agreeing, look)}) == "");
}

TEST_CASE("a process out of reach and silent when the run ends is told so by its missing folder") {
  TrainingConfig config = elastic_config(1, 3);
  config.steps = 2;
  const Start start{{fault(2, "freezes for a while", Phase::parting, 2),
                     fault(2, "is cut off from", Phase::parting, 0, 1)}};
  CHECK(finding_of(config, start, std::chrono::milliseconds(40)) == "");
}

// It asked for the next epoch before the others had read that they are the members of this one.
TEST_CASE("a pipeline that is left out does not take the others back to the beginning") {
  const TrainingConfig config = elastic_config(3, 2);
  const auto conditions = weather(6, std::chrono::milliseconds(3));
  const Scenario scenario{config, {}, {{1, {0, 1}}, {2, {0}}}, conditions, {{}}};
  for (int seed = 0; seed < 40; ++seed) CHECK(finding_of(scenario, seed) == "");
}

// The network lets them wait beside the training for longer than any patience.
TEST_CASE("newcomers that have waited for long do not decide before all members have left") {
  TrainingConfig config = elastic_config(2, 2);
  config.steps = 40;
  const Start start{{fault(4, "is cut off from", Phase::agreeing, 0, 0)}};
  const Scenario scenario{config, {1}, {}, weather(6, std::chrono::milliseconds(100)), {start, {}}};
  for (int seed = 0; seed < 10; ++seed) CHECK(finding_of(scenario, seed) == "");
}

TEST_CASE("newcomers do not take members for lost that were suspended with them") {
  TrainingConfig config = elastic_config(6, 1);
  config.steps = 20;
  const auto conditions = weather(12, std::chrono::milliseconds(3), std::chrono::milliseconds(40));
  for (int seed = 0; seed < 20; ++seed) {
    const Start start{{fault(seed % 6, "is suspended with all others", Phase::parting, 0)}};
    const Scenario scenario{
        config, {1, std::chrono::milliseconds(1500)}, {}, conditions, {start, {}}};
    CHECK(finding_of(scenario, seed) == "");
  }
}

TEST_CASE("a shorter fault does not end a longer one") {
  CHECK(finding_of(toy::config_of("1f1b", 3, 1, 2),
                   {fault(0, "is suspended with all others", Phase::meeting, 0),
                    fault(1, "computes for a while", Phase::meeting, 0)}) == "");
}

}  // namespace pipeline
