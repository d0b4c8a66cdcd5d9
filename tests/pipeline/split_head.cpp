#include "pipeline/split_head/split_head.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "nn/base/error.h"
#include "nn/ops/class_blocks.h"
#include "pipeline/split_head/head_share.h"
#include "tests/pipeline/toy_training.h"
#include "tools/report/timeline.h"
#include "tools/training/lanes.h"

namespace pipeline::split_head {

namespace {

constexpr Work F = Work::forward, B = Work::backward, W = Work::weights, S = Work::scores,
               T = Work::head;
using Lines = std::vector<std::string>;

StageCosts with_head(int stages, int chunks, Costs part, Costs head) {
  StageCosts costs = uniform_costs(stages, chunks, part);
  share_head(costs, head);
  return costs;
}

// The course's LLaMA, 6 layers and the head, in GFLOP.
StageCosts course(int stages, int chunks = 1) {
  const double part = 6 * 0.755 / (stages * chunks), head = 4.72;
  return with_head(stages, chunks, {part, part, part}, {head, head, head});
}

Timeline run(std::string_view name, int stages, int microbatches, const StageCosts& costs) {
  return simulate(plan_with_split_head(*find_schedule(name), stages, microbatches, 1, costs),
                  costs);
}

Lines picture(std::string_view name, int stages, int microbatches) {
  const double head = stages / 2.0;  // S = T = 1
  const StageCosts costs = with_head(stages, 1, {}, {head, head, 2 * head});
  return report::to_text(training::lanes_of(run(name, stages, microbatches, costs)),
                         report::Glyphs::letters);
}

int most_between_scores_and_head(const Schedule& schedule) {
  int held = 0, most = 0;
  for (const Action& action : schedule) {
    held += (action.work == S) - (action.work == T);
    most = std::max(most, held);
  }
  return most;
}

std::string complaint(const std::vector<Schedule>& lists, int microbatches, bool splits_head) {
  const int stages = static_cast<int>(lists.size());
  try {
    simulate({Placement::loop(stages, 1), microbatches, lists, splits_head},
             uniform_costs(stages, 1));
  } catch (const BadSchedule& error) {
    return error.what();
  }
  return "";
}

struct Result {
  std::vector<double> losses;
  std::vector<nn::real> weights;  // in the order of the whole model
};

Result train(const TrainingConfig& config, int pipeline = 0) {
  Result result;
  auto stages = toy::as_ranks(config, "split-head", [&](toy::Rank rank) {
    for (int step = 0; step < config.steps; ++step) {
      const auto loss = rank.worker.step(step);
      if (rank.rank == recorder_of(config)) result.losses.push_back(loss.value());
    }
  });
  result.weights = toy::weights_of(stages, config, pipeline);
  return result;
}

Result train_serially(int microbatches, nn::index tokens = 4500) {
  TrainingConfig config = toy::config_with_split_head("1f1b", 1, 1, microbatches, tokens);
  config.splits_head = false;
  return train(config);
}

}  // namespace

TEST_CASE("scores come as early as they can, and the head's weights in idle time") {
  CHECK(picture("1f1b", 4, 6) == Lines{"FFFFSFS.T.SBWFSBWTTSBWT.SBWT.BWBWT",  //
                                       ".FFFSFS.TBSWFBSWFTBSWTTBSW.TBWBWT",   //
                                       "..FFSFS.BWSFBWSTFBWSTFBWSTTBWBWTT",   //
                                       "...FSFSBWFSBWFSTBWFSTBWFSTBWBWTTT"});
  CHECK(picture("gpipe", 2, 3) == Lines{"FFSFS.S.TBWTBWBWT",  //
                                        ".FSFSFSBTWBTWBWT"});
  CHECK(picture("zb-h1", 3, 4) == Lines{"FFFSFS.TSBWTSBWTBWBWT",   //
                                        ".FFSFS.BSTFBSTWBWBWWTT",  //
                                        "..FSFSBFSTBFSTBWBWWWTT"});
}

TEST_CASE("every schedule can split a head, which holds no more microbatches than it must") {
  for (const ScheduleEntry& entry : schedule_table())
    for (int stages = 1; stages <= 6; ++stages)
      for (int microbatches = 1; microbatches <= 9; ++microbatches)
        for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, 2); ++chunks) {
          INFO(entry.name, ", ", stages, " stages, ", microbatches, " microbatches, ", chunks,
               " chunks");
          const StageCosts costs = course(stages, chunks);
          const Plan plan = plan_with_split_head(entry, stages, microbatches, chunks, costs);
          CHECK_NOTHROW(simulate(plan, costs));
          // These have all forwards of a group of microbatches before its backwards.
          if (entry.name == "gpipe" || entry.name == "breadth-first" || entry.name == "interleaved")
            continue;
          for (const Schedule& schedule : plan.stages)
            CHECK(most_between_scores_and_head(schedule) <= stages + 1);
        }
}

TEST_CASE("a split head lifts the ceiling of four stages from twice to three times one process") {
  const StageCosts whole{
      {{1.51, 1.51, 1.51}}, {{1.51, 1.51, 1.51}}, {{1.51, 1.51, 1.51}}, {{4.72, 4.72, 4.72}}};
  const Timeline before = simulate(find_schedule("1f1b")->plan(4, 8), whole);
  CHECK(before.work() / before.length < 2);
  const Timeline after = run("1f1b", 4, 8, course(4));
  CHECK(after.work() == doctest::Approx(before.work()));
  CHECK(after.work() / after.length > 3.6);
  CHECK(run("1f1b", 4, 32, course(4)).idle_share() < 0.03);
  StageCosts cut = course(4);  // layers 2,2,1,1
  for (int stage = 0; stage < 4; ++stage) {
    double &forward = cut[stage][0].forward, layers = stage < 2 ? 2 : 1;
    forward = cut[stage][0].backward = cut[stage][0].weights = 0.755 * layers;
  }
  const Timeline uneven = run("1f1b", 4, 3, cut);
  CHECK(uneven.work() / uneven.length > 3);
}

TEST_CASE("a list that lacks some of the head's work is refused with the action at fault") {
  const Schedule good{{F, 0}, {S, 0}, {B, 0}, {W, 0}, {T, 0}};
  const Schedule other{{F, 0}, {S, 0}, {B, 0}, {T, 0}, {W, 0}};
  const auto second = [&](const Schedule& list) { return complaint({good, list}, 1, true); };
  CHECK(second(other) == "");
  CHECK(complaint({good, other}, 1, false) ==
        "stage 0 does the scores of microbatch 0, which it does not have");
  CHECK(second({{F, 0}, {B, 0}, {W, 0}}) == "stage 1 never does the scores of microbatch 0");
  CHECK(second({{F, 0}, {S, 0}, {B, 0}, {W, 0}}) ==
        "stage 1 never does the head's weights of microbatch 0");
  CHECK(second({{F, 0}, {T, 0}, {S, 0}, {B, 0}, {W, 0}}) ==
        "stage 1 does the head's weights of microbatch 0 before its scores");
  CHECK(
      second({{F, 0}, {S, 0, 1}}) ==
      "stage 1 does the scores of microbatch 0, which does not exist (microbatches: 1, chunks: 1)");
  CHECK(
      complaint({{{F, 0}, {F, 1}, {S, 0}, {S, 1}, {B, 0}, {W, 0}, {B, 1}, {W, 1}, {T, 1}, {T, 0}}},
                2, true) ==
      "stage 0 does the head's weights of microbatch 1 out of turn: gradients add up in "
      "ascending microbatches");
}

TEST_CASE("stages that would wait for each other's scores are named") {
  const Schedule late{{F, 0}, {B, 0}, {S, 0}, {W, 0}, {T, 0}};
  const Schedule last{{F, 0}, {S, 0}, {B, 0}, {W, 0}, {T, 0}};
  CHECK(complaint({late, last}, 1, true) ==
        "stage 0 waits for the gradient of microbatch 0 from stage 1, which waits for the scores "
        "of microbatch 0 from stage 0");
  CHECK(complaint({{{F, 0}, {S, 0}, {T, 0}, {B, 0}, {W, 0}}}, 1, true) ==
        "stage 0 waits for the gradient of microbatch 0 from stage 0");
}

TEST_CASE("shares are whole blocks of classes, and nearly even") {
  for (const nn::index classes : {1, 2000, 2001, 4500, 32000, 50257})
    for (int shares = 1; shares <= most_head_shares(classes); ++shares) {
      nn::index next = 0;
      for (int share = 0; share < shares; ++share) {
        const auto [first, count] = rows_of_share(classes, shares, share);
        CHECK(first == next);
        CHECK(first % nn::ClassBlocks::width == 0);
        CHECK(count > 0);
        CHECK(count <= rows_of_share(classes, shares, 0).count);
        next = first + count;
      }
      CHECK(next == classes);
    }
  CHECK(most_head_shares(32000) == 16);
  CHECK(rows_of_share(32000, 4, 3).count == 8000);
}

TEST_CASE("a split head trains like one process, bit for bit, in every schedule") {
  for (const nn::index tokens : {4500, 6000})
    for (int microbatches : {1, 2, 3}) {
      const Result serial = train_serially(microbatches, tokens);
      for (const ScheduleEntry& entry : schedule_table())
        for (int stages : {1, 2, 3}) {
          CAPTURE(entry.name);
          CAPTURE(stages);
          CAPTURE(tokens);
          CAPTURE(microbatches);
          const Result result =
              train(toy::config_with_split_head(entry.name, stages, 1, microbatches, tokens));
          CHECK(result.losses == serial.losses);
          CHECK(result.weights == serial.weights);
        }
    }
}

TEST_CASE("a split head goes with recomputed layers, shared moments and clipped gradients") {
  const Result serial = train_serially(3);
  TrainingConfig config = toy::config_with_split_head("1f1b", 3, 1, 3);
  config.recomputes = true;
  CHECK(train(config).weights == serial.weights);

  config = toy::config_with_split_head("zb-h1", 2, 2, 3);
  const Result two = train(config), whole = train_serially(6);
  for (std::size_t step = 0; step < whole.losses.size(); ++step)
    CHECK(two.losses[step] == doctest::Approx(whole.losses[step]).epsilon(1e-6));
  CHECK(train(config, 1).weights == two.weights);
  config.shares_moments = true;
  CHECK(train(config).weights == two.weights);

  config.clip_norm = 0.01;
  TrainingConfig one = config;
  one.splits_head = false;
  const Result clipped = train(config), expected = train(one);
  for (std::size_t step = 0; step < expected.losses.size(); ++step)
    CHECK(clipped.losses[step] == doctest::Approx(expected.losses[step]).epsilon(1e-6));
  CHECK(clipped.losses != two.losses);
}

TEST_CASE("a head that cannot be split is refused with the reason") {
  const auto complaint_of = [](const TrainingConfig& config) {
    try {
      require_valid(config);
    } catch (const nn::InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(complaint_of(toy::config_with_split_head("1f1b", 3, 1, 2)) == "");
  CHECK(complaint_of(toy::config_with_split_head("1f1b", 3, 1, 2, 4000)) ==
        "a head of 4000 tokens cannot be split over 3 stages");
  TrainingConfig tied = toy::config_of("1f1b", 2, 1, 2, *nn::find_family("gpt2"));
  tied.splits_head = true;
  CHECK(complaint_of(tied) ==
        "--split-head cannot split the head of a gpt2, which shares its weights with the "
        "embedding");
}

}  // namespace pipeline::split_head
