#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>

#include "pipeline/schedules/deferred_weights.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/simulate.h"
#include "tools/training/lanes.h"

namespace pipeline {

namespace {

Timeline run(std::string_view name, int stages, int microbatches, int chunks = 1,
             Costs costs = {}) {
  return simulate(find_schedule(name)->plan(stages, microbatches, chunks),
                  uniform_costs(stages, chunks, costs));
}

using Lines = std::vector<std::string>;

Lines picture(std::string_view name, int stages, int microbatches, int chunks = 1) {
  return report::to_text(training::lanes_of(run(name, stages, microbatches, chunks)),
                         report::Glyphs::letters);
}

std::vector<int> peaks(const Timeline& timeline) {
  std::vector<int> result;
  for (std::size_t stage = 0; stage < timeline.stages.size(); ++stage)
    result.push_back(timeline.peak_in_flight(static_cast<int>(stage)));
  return result;
}

// Calls check(entry, stages, microbatches, chunks) for every schedule in many sizes.
template <class Check>
void for_all(Check check) {
  for (const ScheduleEntry& entry : schedule_table())
    for (int stages = 1; stages <= 8; ++stages)
      for (int microbatches = 1; microbatches <= 16; ++microbatches)
        for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, 3); ++chunks) {
          INFO(entry.name, ", ", stages, " stages, ", microbatches, " microbatches, ", chunks,
               " chunks");
          check(entry, stages, microbatches, chunks);
        }
}

}  // namespace

TEST_CASE("gpipe runs all forwards, then all backwards") {
  CHECK(picture("gpipe", 4, 3) == Lines{"FFF......BWBWBW",  //
                                        ".FFF....BWBWBW",   //
                                        "..FFF..BWBWBW",    //
                                        "...FFFBWBWBW"});
}

TEST_CASE("1f1b alternates forwards and backwards") {
  CHECK(picture("1f1b", 4, 8) == Lines{"FFFF...BWFBWFBWFBWFBW.BW.BW.BW",  //
                                       ".FFF..BWFBWFBWFBWFBWFBW.BW.BW",   //
                                       "..FF.BWFBWFBWFBWFBWFBWFBW.BW",    //
                                       "...FBWFBWFBWFBWFBWFBWFBWFBW"});
  CHECK(peaks(run("1f1b", 4, 8)) == std::vector{4, 3, 2, 1});
}

TEST_CASE("zb-h1 fills idle time with weights and holds no more than 1f1b's first stage") {
  CHECK(picture("zb-h1", 4, 8) == Lines{"FFFF...BWFBWFBWFBWFBWBWBWBW",  //
                                        ".FFF..BFBWFBWFBWFBWFBWBWBWW",  //
                                        "..FF.BFBFBWFBWFBWFBWFBWBWWW",  //
                                        "...FBFBFBFBWFBWFBWFBWFBWWWW"});
  CHECK(peaks(run("zb-h1", 4, 8)) == std::vector{4, 4, 4, 4});
}

TEST_CASE("interleaved sends each group of microbatches through all chunks") {
  CHECK(picture("interleaved", 2, 4, 2) == Lines{"FFffFbwFbwfBWfBW.bw.bwBWBW",  //
                                                 ".FFfbwfbwFBWFBWfbwfbwBWBW"});
  CHECK(peaks(run("interleaved", 2, 4, 2)) == std::vector{5, 3});
}

TEST_CASE("breadth-first runs a chunk's microbatches one after the other") {
  CHECK(picture("breadth-first", 2, 3, 2) == Lines{"FFFfff..bwbwbwBWBWBW",  //
                                                   ".FFFfffbwbwbwBWBWBW"});
}

TEST_CASE("interleaved-zb fills idle time with weights") {
  CHECK(picture("interleaved-zb", 2, 4, 2) == Lines{"FFff.bwFbwFBWfBWfbwbBBwWW",  //
                                                    ".FFfbfbwFBwFBWfbWfbBBwwWW"});
}

TEST_CASE("zb-v is idle only at its beginning and end") {
  CHECK(picture("zb-v", 3, 4, 2) == Lines{"FFF..fbFfbwfbBwfbBwBWBwWWW",  //
                                          ".FF.fFfbFwfbBwfbBbBWBwWwWW",  //
                                          "..FfFfFfbBwFWfbBbBbBwWwWwW"});
  CHECK(picture("zb-v", 1, 2, 2) == Lines{"FfbBwFWfbBwW"});
}

TEST_CASE("v-half and v-min hold less and wait longer") {
  CHECK(picture("v-half", 3, 4, 2) == Lines{"FF...fbFwfbBFwfbWBwWfbBwW.BW",  //
                                            ".F..fF.bfFBbwfWFBbwfWBbwWBwW",  //
                                            "..Ff..FfbBFwfbBWFwfbBWwbBWwW"});
  CHECK(picture("v-min", 3, 4, 2) == Lines{"F....fFbw..fFBbWwfFBbWwf.BbWw..BW",  //
                                           ".F..f..Fbwf.BFWbfwBFWbfwBW.bw.BW",   //
                                           "..Ff....FfbBwWFfbBwWFfbBwW..bBwW"});
}

TEST_CASE("with fewer microbatches than stages, each starts as many as there are") {
  CHECK(picture("1f1b", 4, 2) == Lines{"FF.....BW.BW",  //
                                       ".FF...BW.BW",   //
                                       "..FF.BW.BW",    //
                                       "...FBWFBW"});
  CHECK(picture("zb-h1", 4, 2) == Lines{"FF.....BWBW",  //
                                        ".FF...B.BWW",  //
                                        "..FF.B.BWW",   //
                                        "...FBFBWW"});
}

TEST_CASE("one stage trains serially") {
  for (const ScheduleEntry& entry : schedule_table())
    if (entry.least_chunks == 1 && entry.name != "gpipe" && entry.name != "breadth-first")
      CHECK(picture(entry.name, 1, 3) == Lines{"FBWFBWFBW"});
  CHECK(picture("gpipe", 1, 3) == Lines{"FFFBWBWBW"});
  CHECK(picture("interleaved", 1, 2, 2) == Lines{"FfbwFBWfbwBW"});
}

TEST_CASE("the idle time of each stage follows the papers' formulas") {
  constexpr double F = 2, B = 3, W = 1.5;
  for (int stages = 1; stages <= 6; ++stages)
    for (int microbatches = stages; microbatches <= 12; ++microbatches)
      for (int stage = 0; stage < stages; ++stage) {
        const auto idle = [&](std::string_view name, Costs costs, int chunks = 1) {
          return run(name, stages, microbatches, chunks, costs).idle(stage);
        };
        INFO(stages, " stages, ", microbatches, " microbatches, stage ", stage);
        for (const char* name : {"gpipe", "1f1b"}) {
          CHECK(idle(name, {F, B + W, 0}) == doctest::Approx((stages - 1) * (F + B + W)));
          CHECK(idle(name, {F, B, W}) == doctest::Approx((stages - 1) * (F + B)));
        }
        CHECK(idle("zb-h1", {F, F, F}) == doctest::Approx((stages - 1) * F));
        if (microbatches % stages != 0) continue;
        for (const int chunks : {2, 3})
          CHECK(idle("interleaved", {F / chunks, B / chunks + W / chunks, 0}, chunks) ==
                doctest::Approx((stages - 1) * (F + B + W) / chunks));
      }
  CHECK(run("1f1b", 4, 8, 1, {1, 2, 0}).idle(0) == 9);
  CHECK(run("1f1b", 4, 8).idle(0) == 6);
  CHECK(run("zb-h1", 4, 8).idle(0) == 3);
}

TEST_CASE("no schedule deadlocks, with any number of stages, microbatches and chunks") {
  for_all([](const ScheduleEntry& entry, int stages, int microbatches, int chunks) {
    const Plan plan = entry.plan(stages, microbatches, chunks);
    REQUIRE_NOTHROW(simulate(plan, uniform_costs(stages, chunks), 0.5));
  });
}

TEST_CASE("every schedule does everything once, and weights in ascending microbatches") {
  for_all([](const ScheduleEntry& entry, int stages, int microbatches, int chunks) {
    for (const Schedule& schedule : entry.plan(stages, microbatches, chunks).stages) {
      std::map<std::pair<Work, int>, std::vector<int>> done;
      for (const Action& action : schedule)
        done[{action.work, action.chunk}].push_back(action.microbatch);
      REQUIRE(static_cast<int>(done.size()) == 3 * chunks);
      for (const auto& [key, order] : done) {
        REQUIRE(static_cast<int>(order.size()) == microbatches);
        for (int i = 0; i < microbatches; ++i) REQUIRE(order[i] == i);
      }
    }
  });
}

TEST_CASE("weights follow their backward at once, unless they fill idle time") {
  constexpr std::array at_once{"gpipe", "1f1b", "interleaved", "breadth-first"};
  for_all([&](const ScheduleEntry& entry, int stages, int microbatches, int chunks) {
    if (std::ranges::find(at_once, entry.name) == at_once.end()) return;
    for (const Schedule& schedule : entry.plan(stages, microbatches, chunks).stages)
      for (std::size_t i = 0; i < schedule.size(); ++i)
        if (const Action& action = schedule[i]; action.work == Work::backward) {
          REQUIRE(i + 1 < schedule.size());
          REQUIRE(schedule[i + 1] == Action{Work::weights, action.microbatch, action.chunk});
        }
  });
}

TEST_CASE("no stage holds more activations than its schedule says") {
  for_all([](const ScheduleEntry& entry, int stages, int microbatches, int chunks) {
    const Timeline timeline = run(entry.name, stages, microbatches, chunks);
    for (int stage = 0; stage < stages; ++stage) {
      const int peak = timeline.peak_in_flight(stage);
      if (entry.name == "gpipe") REQUIRE(peak == microbatches);
      if (entry.name == "1f1b") REQUIRE(peak == std::min(stages - stage, microbatches));
      if (entry.name == "zb-h1") REQUIRE(peak == std::min(stages, microbatches));
      if (entry.name == "interleaved") REQUIRE(peak <= chunks * microbatches);
      if (entry.name == "breadth-first") REQUIRE(peak == chunks * microbatches);
      if (entry.name == "interleaved-zb") {
        const int groups = std::max(1, microbatches / stages);
        REQUIRE(peak <= (chunks - 1) * ((microbatches + groups - 1) / groups) + stages);
      }
      // Of half a stage each.
      if (entry.name == "zb-v") REQUIRE(peak <= 2 * stages);
      if (entry.name == "v-half") REQUIRE(peak <= stages + 2);
      if (entry.name == "v-min") REQUIRE(3 * peak <= 2 * stages + 8);
    }
  });
}

TEST_CASE("no schedule is slower than gpipe on equal stages") {
  for_all([](const ScheduleEntry& entry, int stages, int microbatches, int chunks) {
    if (chunks == 1 && microbatches >= stages)
      REQUIRE(run(entry.name, stages, microbatches).length <=
              run("gpipe", stages, microbatches).length);
  });
}

TEST_CASE("with enough microbatches only the beginning and the end of a zero bubble are idle") {
  for_all([](const ScheduleEntry& entry, int stages, int microbatches, int chunks) {
    if (microbatches < stages || (entry.name != "zb-v" && entry.name != "interleaved-zb")) return;
    const Timeline timeline = run(entry.name, stages, microbatches, chunks);
    REQUIRE(timeline.length == 3 * chunks * microbatches + stages - 1);
  });
}

TEST_CASE("the fewer activations a V may hold, the longer it waits") {
  for (int stages = 2; stages <= 8; ++stages) {
    const auto length = [&](std::string_view name, int chunks, double unit) {
      return run(name, stages, 16, chunks, {unit, unit, unit}).length;
    };
    CHECK(length("zb-v", 2, 1) < length("v-half", 2, 1));
    CHECK(length("v-half", 2, 1) <= length("v-min", 2, 1));
    CHECK(length("v-half", 2, 1) < length("1f1b", 1, 2));
    CHECK(length("v-min", 2, 1) <= length("1f1b", 1, 2) + 1);
  }
}

TEST_CASE("weights go where a stage would wait, and sooner if it may hold no more") {
  constexpr Work F = Work::forward, B = Work::backward, W = Work::weights;
  const Placement two = Placement::loop(2, 1);
  const std::vector<Schedule> lists{{{F, 0}, {F, 1}, {B, 0}, {F, 2}, {B, 1}, {B, 2}},
                                    {{F, 0}, {B, 0}, {F, 1}, {B, 1}, {F, 2}, {B, 2}}};
  const auto second = [&](int most_held, Costs first = {}) {
    return with_deferred_weights(two, 3, lists, uniform_rooms(2, 1, most_held),
                                 {{first}, {{1, 1, 1}}})[1];
  };
  CHECK(second(3) ==
        Schedule{{F, 0}, {B, 0}, {F, 1}, {B, 1}, {F, 2}, {B, 2}, {W, 0}, {W, 1}, {W, 2}});
  CHECK(second(2) ==
        Schedule{{F, 0}, {B, 0}, {F, 1}, {B, 1}, {W, 0}, {F, 2}, {B, 2}, {W, 1}, {W, 2}});
  CHECK(second(3, {3, 1, 1}) ==
        Schedule{{F, 0}, {B, 0}, {W, 0}, {F, 1}, {B, 1}, {W, 1}, {F, 2}, {B, 2}, {W, 2}});
  CHECK_THROWS_AS(second(1), std::invalid_argument);  // the first stage begins with two
}

TEST_CASE("a schedule is found by its name") {
  for (const ScheduleEntry& entry : schedule_table()) CHECK(find_schedule(entry.name) == &entry);
  CHECK(find_schedule("zb-h2") == nullptr);
  CHECK(find_schedule("") == nullptr);
}

TEST_CASE("an impossible plan is refused") {
  for (const ScheduleEntry& entry : schedule_table()) {
    const int chunks = entry.least_chunks;
    CHECK_NOTHROW(entry.plan(2, 1, chunks));
    CHECK_THROWS_AS(entry.plan(0, 1, chunks), std::invalid_argument);
    CHECK_THROWS_AS(entry.plan(-1, 1, chunks), std::invalid_argument);
    CHECK_THROWS_AS(entry.plan(2, 0, chunks), std::invalid_argument);
    CHECK_THROWS_AS(entry.plan(2, 1, chunks - 1), std::invalid_argument);
    CHECK_THROWS_AS(entry.plan(2, 1, entry.most_chunks + 1), std::invalid_argument);
  }
}

TEST_CASE("a placement says which stage and chunk every part is") {
  const auto stages = [](const Placement& placement) {
    std::vector<int> all;
    for (int part = 0; part < placement.parts(); ++part) {
      all.push_back(placement.stage(part));
      CHECK(placement.part(placement.stage(part), placement.chunk(part)) == part);
    }
    return all;
  };
  CHECK(stages(Placement::loop(3, 2)) == std::vector{0, 1, 2, 0, 1, 2});
  CHECK(stages(Placement::v(3, 3)) == std::vector{0, 1, 2, 2, 1, 0, 0, 1, 2});
  CHECK(stages(Placement({1, 0, 0, 1})) == std::vector{1, 0, 0, 1});
  CHECK(Placement::v(3, 2).last_stage() == 0);
  CHECK(Placement::v(3, 2).part(1, 1) == 4);
  for (const std::vector<int>& wrong :
       {std::vector<int>{}, {1}, {0, -1}, {0, 0, 1}, {0, 2}, {0, 1000}})
    CHECK_THROWS_AS(Placement{wrong}, std::invalid_argument);
}

}  // namespace pipeline
