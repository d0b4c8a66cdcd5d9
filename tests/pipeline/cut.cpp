#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <limits>

#include "nn/base/error.h"
#include "pipeline/cut.h"

namespace pipeline {

namespace {

// GFLOP of one 256-token sequence in the course's model.
constexpr BlockCosts course{{0, 0, 0}, {0.755, 0.755, 0.755}, {4.72, 4.72, 4.72}};

Plan plan(std::string_view schedule, int stages, int microbatches, int chunks = 1) {
  return find_schedule(schedule)->plan(stages, microbatches, chunks);
}

double length_of(const Cut& cut, const BlockCosts& blocks, const Plan& plan,
                 double message_time = 0, double cores = 0) {
  return simulate(plan, costs_of(cut, blocks, plan.placement), message_time, cores).length;
}

// The shortest of all cuts, by trying each without any shortcut.
double shortest(int layers, int parts, const std::function<double(const Cut&)>& length) {
  double best = std::numeric_limits<double>::infinity();
  Cut cut;
  const std::function<void(int)> place = [&](int left) {
    if (static_cast<int>(cut.size()) + 1 == parts) {
      cut.push_back(left);
      best = std::min(best, length(cut));
      cut.pop_back();
      return;
    }
    for (int n = 0; n <= left; ++n) {
      cut.push_back(n);
      place(left - n);
      cut.pop_back();
    }
  };
  place(layers);
  return best;
}

void refuses(std::string_view text, int layers, int parts, const std::string& message,
             const std::string& hint) {
  try {
    parse_cut(text, layers, parts);
    FAIL_CHECK("accepted: " << std::string(text));
  } catch (const nn::InputError& error) {
    CHECK(error.what() == message);
    CHECK(error.hint == hint);
  }
}

}  // namespace

TEST_CASE("the default cut is even and gives what is left over to the first parts") {
  CHECK(default_cut(6, 3) == Cut{2, 2, 2});
  CHECK(default_cut(7, 3) == Cut{3, 2, 2});
  CHECK(default_cut(8, 3) == Cut{3, 3, 2});
  CHECK(default_cut(2, 3) == Cut{1, 1, 0});
  CHECK(default_cut(0, 2) == Cut{0, 0});
}

TEST_CASE("a cut is read back as it was written") {
  for (const Cut& cut : {Cut{2, 2, 2}, Cut{3, 3, 0}, Cut{0, 0, 6}})
    CHECK(parse_cut(to_text(cut), 6, 3) == cut);
  CHECK(to_text({3, 3, 0}) == "3,3,0");
  CHECK(parse_cut("12", 12, 1) == Cut{12});
}

TEST_CASE("a cut that does not fit the model is refused with a hint") {
  const std::string hint = "name 3 counts that add up to 6, such as 2,2,2";
  refuses("2,2", 6, 3, "layers 2,2: 2 counts for 3 parts", hint);
  refuses("2,2,2,0", 6, 3, "layers 2,2,2,0: 4 counts for 3 parts", hint);
  refuses("2,2,1", 6, 3, "layers 2,2,1: they add up to 5, but the model has 6", hint);
  refuses("2,2,3", 6, 3, "layers 2,2,3: they add up to 7, but the model has 6", hint);
  refuses("2,2,7", 6, 3, "layers 2,2,7: the model has 6", hint);
  refuses("", 6, 3, "layers : \"\" is not a number of layers", hint);
  refuses("2,2,", 6, 3, "layers 2,2,: \"\" is not a number of layers", hint);
  refuses(",2,2,2", 6, 3, "layers ,2,2,2: \"\" is not a number of layers", hint);
  for (const std::string bad : {"x", "-1", "+2", " 2", "2 ", "2.0", "1e1", "99999999999"})
    refuses("2,2," + bad, 6, 3, "layers 2,2," + bad + ": \"" + bad + "\" is not a number of layers",
            hint);
  refuses("5", 6, 1, "layers 5: they add up to 5, but the model has 6",
          "name 1 count that adds up to 6, such as 6");
}

TEST_CASE("the embedding belongs to the first chunk and the head to the last") {
  const BlockCosts blocks{{1, 2, 3}, {10, 20, 30}, {100, 200, 300}};
  const StageCosts costs = costs_of({1, 2, 0, 3}, blocks, Placement::loop(2, 2));
  REQUIRE(costs.size() == 2);
  CHECK(costs[0][0].forward == 11);
  CHECK(costs[0][1].backward == 0);
  CHECK(costs[1][0].weights == 60);
  CHECK(costs[1][1].forward == 130);
  CHECK(costs_of({2}, blocks, Placement::loop(1, 1))[0][0].sum() == 6 + 2 * 60 + 600);
  CHECK_THROWS_AS(costs_of({1, 2, 3}, blocks, Placement::loop(2, 2)), nn::Error);
  const StageCosts v = costs_of({1, 2, 0, 3}, blocks, Placement::v(2, 2));
  CHECK(v[0][0].forward == 11);
  CHECK(v[0][1].forward == 130);
  CHECK(v[1][0].weights == 60);
  CHECK(v[1][1].backward == 0);
}

TEST_CASE("the best cut keeps the course's layers away from its head") {
  for (const char* schedule : {"1f1b", "zb-h1", "gpipe"}) {
    const Plan three = plan(schedule, 3, 3);
    const Cut cut = best_cut(course, 6, three);
    CHECK(cut[2] == 0);
    CHECK(length_of(cut, course, three) <= length_of({3, 3, 0}, course, three));
    CHECK(length_of(cut, course, three) < 0.85 * length_of({2, 2, 2}, course, three));
  }
  CHECK(best_cut(course, 6, plan("zb-h1", 3, 3)) == Cut{3, 3, 0});
}

TEST_CASE("on two cores the best cut leaves one to the course's head") {
  const Plan three = plan("zb-h1", 3, 3);
  const auto length = [&](const Cut& cut) { return length_of(cut, course, three, 0, 2); };
  const Cut cut = best_cut(course, 6, three, 0, 2);
  CHECK(length(cut) == doctest::Approx(shortest(6, 3, length)));
  CHECK(length(cut) < 0.95 * length({3, 3, 0}));
  CHECK(best_cut(course, 6, three, 0, 3) == Cut{3, 3, 0});
}

TEST_CASE("the best cut of equal layers alone is the even one") {
  const BlockCosts layers_only{{0, 0, 0}, {1, 1, 1}, {0, 0, 0}};
  for (const ScheduleEntry& schedule : schedule_table()) {
    if (schedule.name == "v-half" || schedule.name == "v-min") continue;  // stages wait unevenly
    const int chunks = schedule.least_chunks;
    CHECK(best_cut(layers_only, 6 * chunks, schedule.plan(3, 6, chunks)) == Cut(3 * chunks, 2));
    CHECK(best_cut(layers_only, 8 * chunks, schedule.plan(4, 16, chunks)) == Cut(4 * chunks, 2));
  }
}

TEST_CASE("among equally fast cuts the evenest is taken, then the one with more layers first") {
  const BlockCosts free_layers{{0, 0, 0}, {0, 0, 0}, {1, 1, 1}};
  CHECK(best_cut(free_layers, 6, plan("1f1b", 3, 3)) == Cut{2, 2, 2});
  CHECK(best_cut(free_layers, 7, plan("1f1b", 3, 3)) == Cut{3, 2, 2});
}

TEST_CASE("no cut is shorter than the best one") {
  const BlockCosts head_light{{0.3, 0, 0.1}, {1, 1.1, 0.9}, {0.7, 0.4, 0.2}};
  for (const ScheduleEntry& entry : schedule_table())
    for (const BlockCosts& blocks : {course, head_light})
      for (const int stages : {1, 2, 3, 4})
        for (const int microbatches : {1, 2, 3, 5, 8})
          for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, 2);
               ++chunks) {
            INFO(entry.name, ", ", stages, " stages, ", microbatches, " microbatches, ", chunks,
                 " chunks");
            const Plan plan = entry.plan(stages, microbatches, chunks);
            const auto length = [&](const Cut& cut) { return length_of(cut, blocks, plan, 0.3); };
            const Cut cut = best_cut(blocks, 5, plan, 0.3);
            CHECK(length(cut) == doctest::Approx(shortest(5, stages * chunks, length)));
          }
}

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
constexpr int most_seconds = 40;
#else
constexpr int most_seconds = 2;
#endif

TEST_CASE("six layers in eighteen chunks are cut within two seconds") {
  const std::clock_t start = std::clock();
  const Cut cut = best_cut(course, 6, plan("interleaved", 6, 12, 3));
  CHECK(cut.size() == 18);
  CHECK(std::clock() - start < most_seconds * CLOCKS_PER_SEC);
}

TEST_CASE("a search too large to finish still ends with a good cut") {
  const Plan thirty = plan("1f1b", 30, 12);
  const std::clock_t start = std::clock();
  const Cut cut = best_cut(course, 60, thirty);
  CHECK(std::clock() - start < 5 * most_seconds * CLOCKS_PER_SEC);
  const double length = length_of(cut, course, thirty);
  CHECK(length < 0.9 * length_of(default_cut(60, 30), course, thirty));
  for (std::size_t i = 0; i + 1 < cut.size(); ++i)
    for (const int move : {1, -1}) {
      Cut moved = cut;
      moved[i] += move;
      moved[i + 1] -= move;
      if (moved[i] >= 0 && moved[i + 1] >= 0)
        CHECK(length_of(moved, course, thirty) >= length * (1 - 1e-8));
    }
}

TEST_CASE("a search ends even if there are too many parts to try every move of a layer") {
  const std::clock_t start = std::clock();
  const Cut cut = best_cut(course, 64, plan("interleaved", 64, 2, 64));
  CHECK(cut.size() == 4096);
  CHECK(std::clock() - start < 5 * most_seconds * CLOCKS_PER_SEC);
}

TEST_CASE("the speed-up is bounded by the schedule and by the cores") {
  const double work = 3 * 3 * (6 * 0.755 + 4.72);
  const auto speed_up = [&](const Cut& cut, double cores) {
    return work / length_of(cut, course, plan("1f1b", 3, 3), 0, cores);
  };
  CHECK(speed_up({2, 2, 2}, 3) == doctest::Approx(1.409).epsilon(0.001));
  CHECK(speed_up({2, 2, 2}, 1) == doctest::Approx(1));
  CHECK(speed_up({3, 3, 0}, 2) > 1.5);
  CHECK(speed_up({3, 3, 0}, 2) <= 2);
}

TEST_CASE(
    "a backward in one piece bounds the course's cut at 1.28 times one process, 3,3,0 at 1.48") {
  constexpr BlockCosts unsplit{{0, 0, 0}, {0.755, 1.51, 0}, {4.72, 9.44, 0}};
  for (const auto& [cut, bound] : {std::pair{Cut{2, 2, 2}, 1.28}, std::pair{Cut{3, 3, 0}, 1.48}}) {
    const Timeline timeline =
        simulate(plan("1f1b", 3, 3), costs_of(cut, unsplit, Placement::loop(3, 1)));
    CHECK(timeline.work() / timeline.length == doctest::Approx(bound).epsilon(0.005));
  }
}

}  // namespace pipeline
