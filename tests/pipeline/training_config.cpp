#include <doctest/doctest.h>

#include <cmath>

#include "pipeline/training_config.h"
#include "tests/complaint.h"

namespace pipeline {

namespace {

std::string refusal(const TrainingConfig& config) {
  return complaint_of([&] { require_valid(config); });
}

}  // namespace

TEST_CASE("the course's config is valid, and every impossible setting is named") {
  CHECK(refusal({}) == "nothing");
  CHECK(refusal({.topology = {0, 1}}).starts_with("there must be at least one stage"));
  CHECK(refusal({.schedule = "fast"}) == "there is no schedule \"fast\"");
  CHECK(refusal({.chunks = 2}) == "schedule 1f1b cannot have 2 chunks per stage");
  CHECK(refusal({.schedule = "interleaved", .chunks = 2}) == "nothing");
  CHECK(refusal({.schedule = "zb-v", .chunks = 1}) ==
        "schedule zb-v cannot have 1 chunks per stage");
  CHECK(refusal({.schedule = "zb-v", .chunks = 2}) == "nothing");
  CHECK(refusal({.microbatches = 0}) == "there must be at least one microbatch");
  CHECK(refusal({.batch = 4}) == "a batch of 4 sequences does not divide into 3 microbatches");
  CHECK(refusal({.topology = {3, 2}}) ==
        "a batch of 3 sequences does not divide into 3 microbatches for each of 2 pipelines");
  CHECK(refusal({.length = 257}).starts_with("sequences of 257 tokens do not fit"));
  CHECK(refusal({.length = 1}).starts_with("sequences of 1 tokens do not fit"));
  CHECK(refusal({.steps = -1}) == "the number of steps cannot be negative");
  CHECK(refusal({.learning_rate = 0}).starts_with("the learning rate must be positive"));
  CHECK(refusal({.learning_rate = INFINITY}).starts_with("the learning rate must be positive"));
  for (const double norm : {-1.0, static_cast<double>(INFINITY), static_cast<double>(NAN)})
    CHECK(refusal({.clip_norm = norm}).starts_with("the largest norm of gradients must be"));
  CHECK(refusal({.clip_norm = 1}) == "nothing");
  CHECK(refusal({.topology = {65536, 65536}}).ends_with("are more than 4096 ranks"));
  CHECK(refusal({.topology = {1, 4096}, .microbatches = 1 << 20}).starts_with("a batch of 3"));
  for (const int warmup : {-1, 5000, 5001})  // a cosine needs a step to fall in
    CHECK(refusal({.warmup = warmup}) == "the warm-up does not fit into the steps");
  CHECK(refusal({.warmup = 4999}) == "nothing");
  CHECK(refusal({.steps = 0}) == "nothing");
  CHECK(refusal({.model = {.heads = 5}}).starts_with("llama: 5 heads do not divide"));
}

TEST_CASE("blocks are dealt out in turn, embedding first and head last") {
  using Blocks = std::vector<std::vector<int>>;
  TrainingConfig config{.topology = {3, 2}, .cut = {2, 2, 2}, .batch = 6};
  CHECK(blocks_of(config, 0) == Blocks{{0, 1, 2}});
  CHECK(blocks_of(config, 1) == Blocks{{3, 4}});
  CHECK(blocks_of(config, 2) == Blocks{{5, 6, 7}});
  config.cut = {3, 3, 0};
  CHECK(blocks_of(config, 2) == Blocks{{7}});
  config.schedule = "interleaved";
  config.chunks = 2;
  config.cut = {1, 1, 1, 2, 0, 1};
  CHECK(blocks_of(config, 0) == Blocks{{0, 1}, {4, 5}});
  CHECK(blocks_of(config, 1) == Blocks{{2}, {}});
  CHECK(blocks_of(config, 2) == Blocks{{3}, {6, 7}});
}

TEST_CASE("with a V the embedding and the head are on the first stage, which records the losses") {
  using Blocks = std::vector<std::vector<int>>;
  TrainingConfig config{.topology = {3, 2}, .schedule = "zb-v", .chunks = 2, .batch = 6};
  config.cut = {1, 1, 1, 2, 0, 1};
  CHECK(blocks_of(config, 0) == Blocks{{0, 1}, {6, 7}});
  CHECK(blocks_of(config, 1) == Blocks{{2}, {}});
  CHECK(blocks_of(config, 2) == Blocks{{3}, {4, 5}});
  CHECK(recorder_of(config) == 0);
  config.schedule = "interleaved";
  CHECK(recorder_of(config) == 2);
}

TEST_CASE("a given plan brings its numbers along, and its content tells it from others") {
  TrainingConfig config, other;
  give_plan(config, find_schedule("zb-v")->plan(4, 5, 2), "a");
  give_plan(other, find_schedule("zb-v")->plan(4, 5, 2), "b");
  CHECK(config.topology.stages == 4);
  CHECK(config.chunks == 2);
  CHECK(config.microbatches == 5);
  CHECK(refusal(config) == "a batch of 3 sequences does not divide into 5 microbatches");
  config.batch = 5;
  CHECK(refusal(config) == "nothing");
  CHECK(placement_of(config).last_stage() == 0);
  CHECK(terms(config) != terms(other));
  give_plan(config, find_schedule("interleaved")->plan(2, 5, 65), "c");
  CHECK(refusal(config) == "65 chunks per stage are more than 64");
}

TEST_CASE("--recompute needs backwards in the order of the microbatches") {
  Plan plan = find_schedule("gpipe")->plan(1, 2, 1);
  plan.stages[0] = {{Work::forward, 0},  {Work::forward, 1}, {Work::backward, 1},
                    {Work::backward, 0}, {Work::weights, 0}, {Work::weights, 1}};
  TrainingConfig config;
  give_plan(config, plan, "descending");
  config.batch = 2;
  CHECK(refusal(config) == "nothing");
  config.recomputes = true;
  CHECK(contains(refusal(config), "the order of the backwards"));
}

TEST_CASE("terms tell jobs apart, except by their cut") {
  const TrainingConfig config{.cut = {2, 2, 2}};
  TrainingConfig other = config;
  other.cut = {3, 3, 0};
  CHECK(terms(config) == terms(other));
  other.learning_rate = 1e-3;
  CHECK(terms(config) != terms(other));
}

TEST_CASE("no message is larger than its config says") {
  for (const int hidden : {1, 100})
    for (const int length : {2, 2000}) {
      TrainingConfig config;
      config.model = {
          .vocab_size = 300, .hidden_size = 16, .layers = 2, .heads = 4, .key_value_heads = 2};
      config.model.intermediate_size = hidden;
      config.model.max_positions = config.length = length;
      const nn::LanguageModel model(config.model);
      for (const int pipelines : {1, 2, 3}) {
        config.topology.pipelines = pipelines;
        nn::index largest = static_cast<nn::index>(length) * config.model.hidden_size;
        for (int block = 0; block <= model.head_block(); ++block) {
          const nn::index size = model.range(block).size;
          CHECK(block_size(config.model, block) == static_cast<std::size_t>(size));
          if (pipelines > 1) largest = std::max(largest, (size + pipelines - 1) / pipelines);
        }
        const std::size_t bytes = static_cast<std::size_t>(largest) * sizeof(nn::real);
        CHECK(largest_message(config) >= bytes);
        CHECK(largest_message(config) <= bytes + (1 << 18));
      }
    }
}

}  // namespace pipeline
