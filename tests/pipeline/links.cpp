#include "pipeline/links.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

using Ranks = std::vector<int>;

bool are_linked(const TrainingConfig& config, int rank, int other) {
  return std::ranges::count(links_of(config, rank), other) == 1;
}

}  // namespace

TEST_CASE("a rank is linked with its neighbours, its ring, rank 0 and the recorder") {
  // 0 1 2 3 / 4 5 6 7 / 8 9 10 11 / 12 13 14 15
  const TrainingConfig config = toy::config_of("1f1b", 4, 4, 2);
  CHECK(links_of(config, 5) == Ranks{0, 1, 3, 4, 6, 9});
  CHECK(links_of(config, 10) == Ranks{0, 3, 6, 9, 11, 14});
  CHECK(links_of(config, 0).size() == 15);
  CHECK(links_of(config, 3).size() == 15);
}

TEST_CASE("with a split head every stage is linked with the last one of its pipeline") {
  TrainingConfig config = toy::config_of("1f1b", 4, 4, 2);
  config.splits_head = true;
  CHECK(links_of(config, 5) == Ranks{0, 1, 3, 4, 6, 7, 9});
  CHECK(links_of(config, 7) == Ranks{0, 3, 4, 5, 6, 11});
}

TEST_CASE("if pipelines train alone, a rank is linked with its stage group and its judge") {
  TrainingConfig config = toy::config_of("1f1b", 4, 4, 2);
  config.sync.every = 100;
  config.clip_norm = 1;
  CHECK(links_of(config, 5) == Ranks{0, 1, 3, 4, 6, 9, 13});
  CHECK(links_of(config, 10) == Ranks{0, 2, 3, 6, 8, 9, 11, 14});
  CHECK(judges_of(config, 10) == Ranks{8, 9, 10, 11});
  config.clip_norm = 0;
  CHECK(links_of(config, 10) == Ranks{0, 2, 3, 6, 9, 11, 14});
  config.sync.every = 0;
  CHECK(judges_of(config, 10).size() == 16);
}

TEST_CASE("links are mutual, for every schedule") {
  for (const ScheduleEntry& entry : schedule_table())
    for (int options = 0; options < 8; ++options)
      for (const nn::ModelFamily& family : nn::families()) {
        CAPTURE(entry.name);
        TrainingConfig config = toy::config_of(entry.name, 3, 4, 3, family);
        config.shares_moments = (options & 1) != 0;
        config.splits_head = (options & 2) != 0;
        config.sync.every = options & 4;
        config.clip_norm = options & 1;
        for (int rank = 0; rank < 12; ++rank)
          for (int other = 0; other < 12; ++other)
            CHECK(are_linked(config, rank, other) == are_linked(config, other, rank));
      }
}

TEST_CASE("the number of links grows with the ranks, not with their square") {
  const auto links = [](int pipelines, bool shares) {
    TrainingConfig config = toy::config_of("1f1b", 4, pipelines, 2);
    config.shares_moments = shares;
    std::size_t count = 0;
    for (int rank = 0; rank < config.topology.ranks(); ++rank)
      count += links_of(config, rank).size();
    return count;
  };
  for (bool shares : {false, true}) CHECK(links(100, shares) < 11 * links(10, shares));
}

}  // namespace pipeline
