#include <doctest/doctest.h>

#include <vector>

#include "pipeline/prediction/measured_link.h"
#include "pipeline/prediction/step_work.h"
#include "tests/pipeline/toy_training.h"

// What a run measures of itself.
namespace pipeline {

TEST_CASE("rank 0 measures the link to rank 1, whatever the number of ranks") {
  for (const int stages : {1, 2, 3}) {
    std::vector<Link> links(stages);
    toy::as_ranks(toy::config_of("1f1b", stages, 1, 3), "link",
                  [&](toy::Rank rank) { links[rank.rank] = measured_link(rank.mailbox); });
    CHECK((links[0].latency > 0) == (stages > 1));
    CHECK(links[0].latency < 1);
    CHECK(links[0].seconds_per_byte < 1e-3);
    for (int rank = 1; rank < stages; ++rank) CHECK(links[rank].latency == 0);
  }
}

TEST_CASE("a worker measures each block's part of W and its update, and the cost of an action") {
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
  });
}

TEST_CASE("a divided head is measured and predicted, too") {
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
