#include "pipeline/story.h"

#include <doctest/doctest.h>

#include "nn/models/decoder.h"
#include "nn/models/sample.h"
#include "tests/pipeline/toy_training.h"

namespace pipeline {

namespace {

constexpr int end_of_text = 3;

// The story after a step whose updates are too small to change a weight.
std::vector<int> story_of(TrainingConfig config) {
  config.learning_rate = 1e-30;
  config.steps = config.sample_every = 1;
  config.warmup = 0;
  std::vector<int> story;
  toy::as_ranks(config, "story", [&](toy::Rank rank) {
    rank.worker.step(0);
    Storyteller storyteller(config, rank.stage, rank.mailbox, end_of_text);
    std::vector<int> tokens = storyteller.tell(0, rank.worker.place());
    if (rank.rank == recorder_of(config))
      story = std::move(tokens);
    else
      CHECK(tokens.empty());
  });
  return story;
}

}  // namespace

TEST_CASE("a story is what the whole model writes, for every cut, schedule and pipelines") {
  for (const char* family : {"llama", "gpt2"}) {
    const TrainingConfig one = toy::config_of_six("gpipe", 1, 1, family);
    const nn::LanguageModel model(one.model, one.seed);
    nn::Decoder decoder(model);
    nn::Generator generator(one.seed);
    std::vector<int> expected;
    int token = end_of_text;
    for (int i = 0; i < story_length(one); ++i) {
      token = nn::sample(decoder.step({&token, 1}), {.temperature = 0.8, .top_p = 0.9}, generator);
      if (token == end_of_text) break;
      expected.push_back(token);
    }
    CHECK(expected.size() > 1);
    CHECK(story_of(one) == expected);
    for (const ScheduleEntry& schedule : schedule_table())
      for (const auto& [stages, pipelines] : {std::pair{2, 1}, {3, 2}}) {
        CAPTURE(schedule.name);
        CAPTURE(stages);
        CHECK(story_of(toy::config_of_six(schedule.name, stages, pipelines, family)) == expected);
      }
  }
}

TEST_CASE("a split head writes the story of a whole one") {
  TrainingConfig one = toy::config_of_six("1f1b", 1, 1);
  one.model.vocab_size = 4500;
  const std::vector<int> expected = story_of(one);
  CHECK(expected.size() > 1);
  for (const auto& [stages, pipelines] : {std::pair{1, 1}, {2, 1}, {3, 2}}) {
    TrainingConfig divided = toy::config_of_six("zb-v", stages, pipelines);
    divided.model.vocab_size = 4500;
    divided.splits_head = true;
    CAPTURE(stages);
    CHECK(story_of(divided) == expected);
  }
}

TEST_CASE("a story is due after every so many steps and after the last") {
  TrainingConfig config;
  config.steps = 7;
  CHECK(!is_story_after(config, 7));
  config.sample_every = 3;
  for (int done = 0; done <= 7; ++done)
    CHECK(is_story_after(config, done) == (done == 3 || done == 6 || done == 7));
}

}  // namespace pipeline
