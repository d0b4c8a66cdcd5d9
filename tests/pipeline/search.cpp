#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "pipeline/prediction/stage_memory.h"
#include "pipeline/schedules/schedule.h"
#include "pipeline/schedules/search.h"
#include "tests/complaint.h"

using namespace pipeline;

namespace {

// By the fullest stage, in activations of a whole stage.
double held(const Found& found) {
  int most = 0;
  for (int stage = 0; stage < found.plan.placement.stages(); ++stage)
    most = std::max(most, found.timeline.peak_in_flight(stage));
  return static_cast<double>(most) / found.plan.placement.chunks();
}

Found search(const std::vector<Costs>& costs, int microbatches, double most, int most_chunks,
             double message_time = 0) {
  const int stages = static_cast<int>(costs.size());
  return search_schedule(costs, uniform_rooms(stages, 1, most), microbatches, most_chunks,
                         message_time);
}

// Calls f(plan, timeline) for every schedule as it is.
template <class F>
void each_schedule(const std::vector<Costs>& costs, int microbatches, double message_time,
                   const F& f) {
  for (const ScheduleEntry& entry : schedule_table())
    for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, 2); ++chunks) {
      const Plan plan = entry.plan(static_cast<int>(costs.size()), microbatches, chunks);
      f(plan, simulate(plan, even_chunks(costs, chunks), message_time));
    }
}

}  // namespace

TEST_CASE("a search finds the shortest schedule under a limit on activations") {
  const std::vector<Costs> equal(4, Costs{1, 1, 1});
  CHECK(search(equal, 8, 4, 2).timeline.length == 25.5);  // as zb-v
  CHECK(search(equal, 8, 4, 1).timeline.length == 27);    // as zb-h1
  CHECK(search(equal, 8, 3, 2).timeline.length <= 28);    // as v-half
  CHECK(search(equal, 8, 2.5, 2).name == "v-min");
}

TEST_CASE("a search is no worse than any schedule that fits") {
  const std::vector<Costs> head_heavy{{2.27, 2.2, 2}, {2.27, 2.3, 2.2}, {4.72, 4.5, 4.6}};
  for (const int microbatches : {1, 3, 8})
    for (const double most : {1.0, 2.0, 2.5, 3.0, 8.0}) {
      CAPTURE(microbatches);
      CAPTURE(most);
      const Found found = search(head_heavy, microbatches, most, 2, 0.1);
      CHECK(found.excess == 0);
      CHECK(held(found) <= most);
      each_schedule(head_heavy, microbatches, 0.1, [&](const Plan& plan, const Timeline& timeline) {
        if (held({"", plan, timeline}) <= most)
          CHECK(found.timeline.length <= timeline.length * (1 + 1e-9));
      });
    }
}

TEST_CASE("a search defers weights for the costs that it is given") {
  const std::vector<Costs> costs{{1, 1, 3}, {1, 1, 3}, {1, 1, 3}};
  const double length = search(costs, 6, 3, 1).timeline.length;
  CHECK(length < simulate(find_schedule("1f1b")->plan(3, 6), even_chunks(costs, 1)).length);
  CHECK(length <= simulate(find_schedule("zb-h1")->plan(3, 6), even_chunks(costs, 1)).length);
}

TEST_CASE("one activation on each stage is enough, and none is too little") {
  for (const int stages : {1, 2, 5})
    for (const int microbatches : {1, 4}) {
      const std::vector<Costs> costs(stages, Costs{1, 2, 1});
      CHECK(search(costs, microbatches, 1, 3).excess == 0);
      CHECK(search(costs, microbatches, 0.75, 1).excess == doctest::Approx(0.25));
    }
}

TEST_CASE("every stage keeps to its own room, whatever the stages and chunks") {
  for (const int stages : {2, 3, 5})
    for (const int fullest : {0, 1, stages - 1})
      for (const int chunks : {1, 2, 3}) {
        CAPTURE(stages);
        CAPTURE(fullest);
        CAPTURE(chunks);
        std::vector<Room> rooms(stages, Room{600, std::vector<double>(chunks, 100)});
        rooms[fullest] = {420, std::vector<double>(chunks, 100)};
        rooms[fullest].sizes.back() = 140;
        const Found found =
            search_schedule(std::vector<Costs>(stages, Costs{1, 1, 1}), rooms, 7, chunks);
        REQUIRE(found.excess == 0);
        for (int stage = 0; stage < stages; ++stage) {
          const Room room = with_even_chunks(rooms[stage], found.plan.placement.chunks());
          CHECK(room.fits(found.timeline.peak_held(stage, room.sizes)));
        }
      }
}

TEST_CASE("more room is never slower, and a full last stage leaves the first ones free") {
  const std::vector<Costs> costs(4, Costs{1, 1, 1});
  double longest = 1e9;
  for (const double limit : {1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 8.0}) {
    std::vector<Room> rooms = uniform_rooms(4, 1, 8);
    rooms[3].limit = limit;
    const double length = search_schedule(costs, rooms, 8, 1).timeline.length;
    CHECK(length <= longest);
    CHECK(length <= 30);  // 1f1b holds one activation there
    longest = length;
  }
}

TEST_CASE("a search can be limited to schedules with the ends of the model on the same stages") {
  const std::vector<Costs> costs(4, Costs{1, 1, 1});
  for (const double limit : {1.0, 2.5, 4.0})
    for (const Ends ends : {Ends{0, 3}, Ends{0, 0}}) {
      CAPTURE(limit);
      const Found found = search_schedule(costs, uniform_rooms(4, 1, limit), 8, 2, 0, ends);
      CHECK(found.plan.placement.ends() == ends);
    }
  CHECK(contains(complaint_of([&] {
                   search_schedule(costs, uniform_rooms(4, 1, 4), 8, 2, 0, Ends{1, 3});
                 }),
                 "no schedule has both ends"));
}

TEST_CASE("what is missing in bytes is what the limit has to be raised by") {
  const std::vector<Costs> costs(3, Costs{1, 1, 1});
  std::vector<StageMemory> stages(3, {.weights = 100, .rest = 20, .microbatch = {10}});
  stages[1].microbatch = {30};
  stages[2].weights = 130;
  const auto found = [&](double limit) {
    return search_schedule(costs, rooms_within(limit, stages), 6, 2);
  };
  CHECK(found(500).excess == 0);
  CHECK(found(159).excess == doctest::Approx(1));   // the last stage: 130 + 20 + 10
  CHECK(found(50).excess == doctest::Approx(110));  // less than the weights take
  CHECK(found(50 + found(50).excess).excess == 0);
}
