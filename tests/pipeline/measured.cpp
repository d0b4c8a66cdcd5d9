#include <doctest/doctest.h>

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "pipeline/prediction/measured_link.h"
#include "pipeline/prediction/step_work.h"
#include "tests/pipeline/toy_training.h"

// What a run measures of itself.
namespace pipeline {

TEST_CASE("rank 0 measures its links to the next stage and the next pipeline") {
  for (const auto& [stages, pipelines] : {std::pair{1, 1}, {2, 1}, {3, 1}, {1, 2}, {2, 3}}) {
    const TrainingConfig config = toy::config_of("1f1b", stages, pipelines, 3);
    std::vector<Cluster> measured(config.topology.ranks());
    toy::as_ranks(config, "links", [&](toy::Rank rank) {
      measured[rank.rank] = measured_links(rank.mailbox, config.topology);
    });
    const Link link = measured[0].link, group_link = measured[0].group_link;
    for (const Link& each : {link, group_link}) {
      CHECK((each.latency > 0) == (measured.size() > 1));
      CHECK(each.latency < 1);
      CHECK(each.seconds_per_byte < 1e-3);
    }
    // Two that are measured differ by some nanoseconds at least.
    CHECK((link == group_link) == (stages == 1 || pipelines == 1));
    for (std::size_t rank = 1; rank < measured.size(); ++rank) {
      CHECK(measured[rank].link == Link{});
      CHECK(measured[rank].group_link == Link{});
    }
  }
}

TEST_CASE("a worker measures each block's part of W, its update, and what actions and rings cost") {
  const TrainingConfig config = toy::config_of("interleaved", 2, 2, 3);
  toy::as_ranks(config, "work", [&](toy::Rank rank) {
    for (int step = 0; step < 2; ++step) rank.worker.step(step);
    const int stage = config.topology.stage(rank.rank);
    const std::vector<ChunkWork> work = rank.worker.measured_work();
    REQUIRE(work.size() == 2);
    for (int chunk = 0; chunk < 2; ++chunk) {
      double shares = 0;
      for (const BlockWork& block : work[chunk].blocks) {
        shares += block.share;
        CHECK(block.update > 0);
        CHECK(block.bytes == sizeof(nn::real) * rank.stage.model().range(block.number).size);
      }
      CHECK(shares == doctest::Approx(1));
      CHECK(work[chunk].costs.forward > 0);
      CHECK(work[chunk].blocks.size() == blocks_of(config, stage)[chunk].size());
      CHECK(work[chunk].blocks.back().number == blocks_of(config, stage)[chunk].front());
    }
    CHECK(rank.worker.seconds_per_action() > 0);
    double gradients = 0;
    for (const int block : rank.stage.all_blocks())
      gradients += static_cast<double>(rank.stage.gradients_of(block).size_bytes());
    // In a ring of two, half of them comes as sums and half as means. The first step is forgotten.
    CHECK(rank.worker.gradients().ring_cost().bytes == gradients);
    CHECK(rank.worker.gradients().ring_cost().seconds > 0);
  });
  toy::as_ranks(toy::config_of("1f1b", 2, 1, 3), "no rings", [](toy::Rank rank) {
    rank.worker.step(0);
    CHECK(rank.worker.gradients().ring_cost().bytes == 0);
  });
}

TEST_CASE("a worker measures the memory of weights and microbatches") {
  for (const bool shares : {false, true})
    for (const bool recomputes : {false, true}) {
      TrainingConfig config = toy::config_of("interleaved", 2, 2, 3);
      config.shares_moments = shares;
      config.recomputes = recomputes;
      std::vector<StageMemory> measured(4);
      double weights = 0;  // numbers, of one pipeline
      std::mutex mutex;
      toy::as_ranks(config, "memory", [&](toy::Rank rank) {
        for (int step = 0; step < 2; ++step) rank.worker.step(step);
        measured[rank.rank] = rank.worker.measured_memory(1e9);
        const std::lock_guard lock(mutex);
        if (config.topology.pipeline(rank.rank) == 0)
          for (const int block : rank.stage.all_blocks())
            weights += static_cast<double>(rank.stage.model().range(block).size);
      });
      double sum = 0;
      for (const StageMemory& memory : measured) {
        sum += memory.weights;
        REQUIRE(memory.microbatch.size() == 2);
        const double flights = 1e9 - memory.always();
        const double one = memory.microbatch[0] + memory.microbatch[1];
        CHECK(flights >= one);
        CHECK(flights <= 3 * one);  // of three microbatches
        CHECK(memory.peak == 1e9);
      }
      // Two of everything in both pipelines; with shares the moments once.
      CHECK(sum == sizeof(nn::real) * weights * (shares ? 6 : 8));
    }
}

TEST_CASE("a recomputed microbatch is smaller, and a longer one larger") {
  const auto bytes = [](bool recomputes, int sequences) {
    TrainingConfig config = toy::config_of("1f1b", 1, 1, 3);
    config.recomputes = recomputes;
    config.batch *= sequences;
    double most = 0;
    toy::as_ranks(config, "sizes", [&](toy::Rank rank) {
      rank.worker.step(0);
      most = rank.worker.measured_memory(0).microbatch[0];
      CHECK(rank.worker.measured_memory(0).rest == 0);
    });
    return most;
  };
  CHECK(bytes(true, 1) < bytes(false, 1) / 3);
  CHECK(bytes(false, 4) > 2 * bytes(false, 1));
}

TEST_CASE("a split head is measured and predicted, too") {
  const TrainingConfig config = toy::config_with_split_head("1f1b", 2, 1, 3);
  StageWork all(2);
  toy::as_ranks(config, "rows", [&](toy::Rank rank) {
    rank.worker.step(0);
    all[rank.rank] = rank.worker.measured_work();
  });
  double scores = 0;
  for (const std::vector<ChunkWork>& chunks : all) {
    REQUIRE(chunks[0].rows);
    CHECK(chunks[0].rows->number == rows_block_of(config));
    CHECK(chunks[0].rows->update > 0);
    CHECK(chunks[0].rows->bytes > 0);
    scores += chunks[0].costs.scores;
  }
  CHECK(scores > 0);
  CHECK(predict_step(step_of(config, all), {}).length > scores);
}

TEST_CASE("updates are spread over the microbatches of their stage") {
  const StageWork work{{{{1, 1, 1}, {{.update = 4}, {.update = 2}}}, {{1, 1, 2}, {}}}};
  const StageCosts costs = costs_with_updates(work, 3);
  CHECK(costs[0][0].weights == 2);
  CHECK(costs[0][1].weights == 3);
}

}  // namespace pipeline
