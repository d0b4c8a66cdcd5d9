#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "nn/base/error.h"
#include "pipeline/schedules/search.h"

using namespace pipeline;

namespace {

double held(const Found& found) {
  int most = 0;
  for (int stage = 0; stage < found.plan.placement.stages(); ++stage)
    most = std::max(most, found.timeline.peak_in_flight(stage));
  return static_cast<double>(most) / found.plan.placement.chunks();
}

}  // namespace

TEST_CASE("a search finds the shortest schedule under a limit on activations") {
  const std::vector<Costs> equal(4, Costs{1, 1, 1});
  CHECK(search_schedule(equal, 8, 4, 2).timeline.length == 25.5);  // as zb-v
  CHECK(search_schedule(equal, 8, 4, 1).timeline.length == 27);    // as zb-h1
  CHECK(search_schedule(equal, 8, 3, 2).name == "v-half");
  CHECK(search_schedule(equal, 8, 2.5, 2).name == "v-min");
  CHECK_THROWS_AS(search_schedule(equal, 8, 1, 2), nn::InputError);
}

TEST_CASE("a search is no worse than any schedule that fits") {
  const std::vector<Costs> head_heavy{{2.27, 2.2, 2}, {2.27, 2.3, 2.2}, {4.72, 4.5, 4.6}};
  for (const int microbatches : {1, 3, 8})
    for (const double most : {2.0, 2.5, 3.0, 8.0}) {
      CAPTURE(microbatches);
      CAPTURE(most);
      const Found found = search_schedule(head_heavy, microbatches, most, 2, 0.1);
      CHECK(held(found) <= most);
      for (const ScheduleEntry& entry : schedule_table())
        for (int chunks = entry.least_chunks; chunks <= std::min(entry.most_chunks, 2); ++chunks) {
          const Plan plan = entry.plan(3, microbatches, chunks);
          const Timeline timeline = simulate(plan, even_chunks(head_heavy, chunks), 0.1);
          if (held({"", plan, timeline}) <= most)
            CHECK(found.timeline.length <= timeline.length * (1 + 1e-9));
        }
    }
}

TEST_CASE("a search defers weights for the costs that it is given") {
  const std::vector<Costs> costs{{1, 1, 3}, {1, 1, 3}, {1, 1, 3}};
  const double length = search_schedule(costs, 6, 3, 1).timeline.length;
  CHECK(length < simulate(find_schedule("1f1b")->plan(3, 6), even_chunks(costs, 1)).length);
  CHECK(length <= simulate(find_schedule("zb-h1")->plan(3, 6), even_chunks(costs, 1)).length);
}
