#include "pipeline/prediction/predict.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/collectives.h"
#include "pipeline/prediction/paced_stage.h"
#include "pipeline/prediction/spread.h"
#include "tests/pipeline/simulated_network.h"
#include "tests/pipeline/toy_training.h"
#include "tests/pipeline/virtual_time.h"

namespace pipeline {

namespace {

const Schedule one_microbatch{{Work::forward, 0}, {Work::backward, 0}, {Work::weights, 0}};

StepWork work_of(StageWork stages, int pipelines, double activation_bytes = 0) {
  const int count = static_cast<int>(stages.size());
  return {{Placement::loop(count, 1), 1, std::vector<Schedule>(count, one_microbatch)},
          std::move(stages),
          pipelines,
          activation_bytes,
          {},
          {}};
}

// Costs that differ from stage to stage, chunk to chunk and block to block.
StageWork made_up_work(const TrainingConfig& config) {
  StageWork stages;
  for (int stage = 0; stage < config.topology.stages; ++stage) {
    std::vector<ChunkWork>& chunks = stages.emplace_back(blocks_of_stage(config, stage));
    for (std::size_t c = 0; c < chunks.size(); ++c) {
      const double size = 1 + 0.3 * stage + 0.15 * static_cast<double>(c);
      chunks[c].costs = {0.020 * size, 0.022 * size, 0.017 * size};
      for (BlockWork& block : chunks[c].blocks) block.update = 0.002 * size;
      if (!chunks[c].rows) continue;
      chunks[c].costs.scores = 0.013 * size;
      chunks[c].costs.head = 0.008 * size;
      chunks[c].rows->update = 0.001 * size;
    }
  }
  return stages;
}

// The seconds between the steps of real workers, whose stages sleep in virtual time.
double paced(const TrainingConfig& config, const StageWork& work, const Cluster& cluster) {
  const Topology& topology = config.topology;
  const int ranks = topology.ranks(), steps = config.steps;
  VirtualTime time;
  Dice dice(1);
  const auto link = [&](int from, int to) {
    return topology.pipeline(from) == topology.pipeline(to) ? cluster.link : cluster.group_link;
  };
  SimulatedNetwork simulated(time, dice, {.lends = false, .link = link});
  const std::vector<std::uint16_t> text = toy::some_text();
  const data::Windows windows(text, toy::length);
  std::deque<PacedStage> stages;
  for (int rank = 0; rank < ranks; ++rank) {
    const int stage = topology.stage(rank);
    stages.emplace_back(config, stage, work[stage], [&time, rank](double seconds) {
      time.sleep(rank, std::chrono::duration_cast<VirtualTime::Clock::duration>(
                           std::chrono::duration<double>(seconds)));
    });
  }
  std::vector<VirtualTime::Clock::time_point> ends;
  Network network(simulated.join());
  const auto train = [&](int rank) {
    Mailbox mailbox(network, {.rank = rank,
                              .addresses = std::vector<std::string>(ranks),
                              .links = links_of(config, rank)});
    mailbox.expect(Protocol(config, rank));
    mailbox.meet(terms(config), std::chrono::seconds(30));
    Trace trace;
    StageWorker worker(config, stages[rank], mailbox, &windows, trace);
    StepOrders orders(mailbox);
    for (int step = 0; step < steps; ++step) {
      worker.step(step);
      if (rank == 0) ends.push_back(time.now());
      orders.go_on(step + 1, step + 1 < steps, false, worker.place());
    }
    mailbox.part();
  };
  time.run(ranks, train, std::chrono::minutes(5));
  REQUIRE(ends.size() == steps);
  return std::chrono::duration<double>(ends[3] - ends[1]).count() / 2;
}

}  // namespace

TEST_CASE("a message takes its link's time, and each action a cost of its own") {
  const StageWork stages{{{{1, 2, 3}, {{.update = 0.5}}}}, {{{4, 5, 6}, {{.update = 1}}}}};
  const Prediction step = predict_step(work_of(stages, 1, 2), {.link = {0.5, 0.25}, .action = 0.1});
  CHECK(step.length == doctest::Approx(18));  // 1.1 + 1 + 4.1 + 5.1 + 1 + 2.1 + 3.1 + 0.5
  CHECK(step.bytes == std::vector<double>{2, 2});
  CHECK(step.idle_share() == doctest::Approx(1 - (6.8 + 16.3) / 36));
}

TEST_CASE("the messages of a split head take their time") {
  const Schedule list{{Work::forward, 0},
                      {Work::scores, 0},
                      {Work::backward, 0},
                      {Work::weights, 0},
                      {Work::head, 0}};
  const std::vector<ChunkWork> stage{{{1, 2, 3, 4, 5}, {}}};
  const StepWork work{
      {Placement::loop(2, 1), 1, {list, list}, true}, {stage, stage}, 1, 2, {4, 4}, {2, 2}};
  const Prediction step = predict_step(work, {.link = {0.5, 0.25}});
  // F 1, message 1, F 1, message 1, S 4, message 1.5, B 2, message 1, B 2, W 3, T 5
  CHECK(step.length == 22.5);
  CHECK(step.bytes == std::vector<double>{2 + 4, 2 + 2 + 2});
}

TEST_CASE("a block's gradients go round the ring before it is updated") {
  const StageWork stages{{{{1, 2, 3}, {{.update = 0.5, .bytes = 8}}}}};
  const Cluster cluster{.link = {0.25, 0.125}, .adding = 0.0625};
  const Prediction step = predict_step(work_of(stages, 2), cluster);
  CHECK(step.length == 6 + 2 * (0.5 + 0.25 + 0.25) + 0.5 + 0.25);  // at last rank 0's order
  CHECK(step.bytes == std::vector<double>{8});
  CHECK(predict_step(work_of(stages, 4), cluster).length == 6 + 6 * (0.25 + 0.25 + 0.125) + 0.75);
  CHECK(predict_step(work_of(stages, 1), cluster).length == 6.5);
}

TEST_CASE("a ring overlaps with the next block's W, and shares the link with its ring") {
  const StageWork stages{
      {{{1, 2, 4},
        {{.share = 0.5, .update = 0.5, .bytes = 8}, {.share = 0.5, .update = 0.5, .bytes = 8}}}}};
  const Prediction step =
      predict_step(work_of(stages, 2), {.link = {0.25, 0.125}, .adding = 0.0625});
  CHECK(step.length == 10);
  // By kind: the first block's update from 8.5 to 9, the second one's from 9.25 to 9.75.
  std::vector<double> updates;
  for (const Event& event : step.events[0])
    if (event.kind == Kind::update) updates.insert(updates.end(), {event.start, event.end});
  CHECK(updates == std::vector<double>{8.75, 9.25, 9.5, 10});
}

TEST_CASE("averages and rank 0's order go through the link between pipelines") {
  const StageWork stages{{{{1, 2, 3}, {{.update = 0.5, .bytes = 8}}}}, {{{4, 5, 6}, {}}}};
  const Cluster cluster{.link = {0.75, 0.125}, .group_link = {0.5, 0.5}, .adding = 0.0625};
  // F 1, message 1, F 4, B 5, message 1, B 2, W 3, two turns, update 0.5, order 0.5
  CHECK(predict_step(work_of(stages, 2, 2), cluster).length == 18 + 2 * (2 + 0.5 + 0.25));
  CHECK(predict_step(work_of(stages, 1, 2), cluster).length == 17.5);
}

TEST_CASE("a rank sends one message after the other, through whichever link") {
  Schedule list;
  for (const int chunk : {0, 1}) list.push_back({Work::forward, 0, chunk});
  for (const int chunk : {1, 0})
    for (const Work work : {Work::backward, Work::weights}) list.push_back({work, 0, chunk});
  const ChunkWork without{{1, 1, 1}, {}}, with{{1, 1, 1}, {{.bytes = 8}}};
  const StepWork work{{Placement::loop(2, 2), 1, {list, list}},
                      {{without, without}, {without, with}},
                      2,
                      1,
                      {},
                      {}};
  // From one F of the last stage's first chunk to the next one: F 1, message 0.5, F 1, message 0.5,
  // F 1, B 1, W 1, and two turns of 4, which a gradient of 0.5 comes between.
  CHECK(predict_step(work, {.link = {0, 0.5}, .group_link = {0, 1}}).length == 14.5);
}

TEST_CASE("ranks that share a core wait for it") {
  const StageWork stages{{{{1, 2, 3}, {}}}, {{{4, 5, 6}, {}}}};
  CHECK(predict_step(work_of(stages, 1), {.cores = 1}).length == doctest::Approx(21));
  CHECK(predict_step(work_of(stages, 1), {.cores = 2}).length == doctest::Approx(15));
}

TEST_CASE("messages slow ranks down only where all cores compute") {
  const StageWork stages{{{{1, 2, 3}, {}}}, {{{4, 5, 6}, {}}}};
  const auto length = [&](double cores) {
    return predict_step(work_of(stages, 1), {.carrying = 1.5, .cores = cores}).length;
  };
  CHECK(length(0) == 15);
  CHECK(length(4) == 15);
  // Both ranks are at work for 6 of 15 s, and the messages of each take a tenth of a core.
  CHECK(length(2) == doctest::Approx(9 + 6 * 2.2 / 2));
}

TEST_CASE("the mean of a block waits for the slowest pipeline") {
  const StageWork stages{{{{1, 2, 3}, {{.update = 0.5, .bytes = 8}}}}};
  const auto length = [&](int pipelines, double spread) {
    return predict_step(work_of(stages, pipelines), {.spread = spread}).length;
  };
  CHECK(length(1, 0.5) == 6.5);
  CHECK(length(2, 0) == 6.5);
  CHECK(length(2, 0.5) == doctest::Approx(6.75));
  CHECK(length(5, 0.5) == doctest::Approx(6.5 + expected_excess(5, 0.5)));
  StepWork four = work_of(stages, 5);
  four.plan.microbatches = 4;
  four.plan.stages[0] = {};
  for (const Work work : {Work::forward, Work::backward, Work::weights})
    for (int microbatch = 0; microbatch < 4; ++microbatch)
      four.plan.stages[0].push_back({work, microbatch});
  CHECK(predict_step(four, {.spread = 0.5}).length ==
        doctest::Approx(4 * 6 + 0.5 + 2 * expected_excess(5, 0.5)));
}

// The second stage's W takes as long as B, W and the next F of the first one, on average. Two
// normal numbers of the same mean: the larger exceeds it by the deviation of their difference /
// sqrt(2 pi).
TEST_CASE("stages whose actions vary wait longer for each other") {
  const StageWork stages{{{{1, 1, 1}, {}}}, {{{1, 1, 3}, {}}}};
  const auto length = [&](double spread) {
    return predict_step(work_of(stages, 1), {.spread = spread}).length;
  };
  CHECK(length(0) == 5);
  const double excess = deviation_of(0.3) * std::sqrt((1 + 3.0 / 5) / (2 * std::numbers::pi));
  CHECK(length(0.3) == doctest::Approx(5 + excess).epsilon(0.01));
  CHECK(length(0.3) == length(0.3));
}

// The largest of 1, 2, 3, 10 and 100 standard normal numbers, from tables of order statistics.
TEST_CASE("the largest of many numbers exceeds their mean by as much as tables say") {
  const double difference = 2 / std::sqrt(std::numbers::pi);  // of standard normal numbers
  for (const auto& [count, excess] :
       {std::pair{1, 0.0}, {2, 0.56419}, {3, 0.84628}, {10, 1.53875}, {100, 2.50759}})
    CHECK(expected_excess(count, difference) == doctest::Approx(excess).epsilon(1e-5));
}

TEST_CASE("a slow drift is no spread") {
  Spread none, steady, drifting, varying;
  steady.add(3);
  for (int i = 0; i < 100; ++i) drifting.add(5 + 0.001 * i), varying.add(5 + i % 2);
  CHECK(none.mean_difference() == 0);
  CHECK(steady.mean_difference() == 0);
  CHECK(drifting.mean_difference() == doctest::Approx(0.001));
  CHECK(varying.mean_difference() == 1);
}

// Whether a message of a ring arrives just before a rank looks for it, or just after, decides when
// the next turn is taken. So a few steps differ by part of an action: the first pipeline, which
// begins a little earlier, is not quite like the others.
TEST_CASE("the steps of real workers take as long as predicted") {
  const Link fast{1e-4, 1e-9}, slow{2e-3, 2e-6};
  const std::map<std::string, Cluster> clusters{{"llama", {.link = fast, .group_link = slow}},
                                                {"gpt2", {.link = slow, .group_link = slow}},
                                                {"split head", {.link = fast, .group_link = fast}}};
  double sum = 0, count = 0;
  for (const char* family : {"llama", "gpt2", "split head"})
    for (const ScheduleEntry& schedule : schedule_table())
      for (const int stages : {1, 2, 4})
        for (const int pipelines : {1, 3}) {
          const nn::ModelFamily* const whole = nn::find_family(family);
          TrainingConfig config =
              whole ? toy::config_of(schedule.name, stages, pipelines, 5, *whole)
                    : toy::config_with_split_head(schedule.name, stages, pipelines, 5, 8000);
          config.steps = 4;
          const StageWork work = made_up_work(config);
          const Cluster cluster = clusters.at(family);
          const double predicted = predict_step(step_of(config, work), cluster).length;
          const double error = std::abs(paced(config, work, cluster) / predicted - 1);
          CAPTURE(family);
          CAPTURE(schedule.name);
          CAPTURE(stages);
          CAPTURE(pipelines);
          CHECK(error < 0.03);
          sum += error, ++count;
        }
  CHECK(sum / count < 0.001);
}

}  // namespace pipeline
