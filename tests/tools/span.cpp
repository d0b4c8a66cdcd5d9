#include "tools/bench/span.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "tools/bench/profiles.h"

namespace bench {

namespace {

void compute_for(double seconds) {
  const double start = nn::thread_seconds();
  while (nn::thread_seconds() - start < seconds) {
  }
}

}  // namespace

TEST_CASE("parts are taken in turn by the first core that is free") {
  const std::vector<double> parts{3, 1, 1, 1, 2, 4};
  CHECK(makespan(parts, 1) == 12);
  CHECK(makespan(parts, 2) == 7);  // 3 + 2 and 1 + 1 + 1 + 4
  CHECK(makespan(parts, 6) == 4);
  CHECK(makespan(parts, 100) == 4);
  CHECK(makespan({}, 3) == 0);
  CHECK_THROWS_AS(makespan(parts, 0), nn::Error);
}

TEST_CASE("steps are taken in the order of the parts, and a part's core waits for its turn") {
  using Steps = std::vector<std::vector<double>>;
  const std::vector<double> first{1, 1, 4}, late{4, 1, 1};
  const Steps one{{1}, {1}, {1}};
  CHECK(makespan_in_order(first, one, 1) == 9);
  CHECK(makespan_in_order(first, one, 2) == 7);
  CHECK(makespan_in_order(first, one, 3) == 5);
  CHECK(makespan_in_order(late, one, 3) == 7);  // two cores wait until 5
  CHECK_THROWS_AS(makespan_in_order(first, {}, 3), nn::Error);

  const std::vector<double> equal{1, 1};
  CHECK(makespan_in_order(equal, Steps{{3}, {3}}, 2) == 7);
  CHECK(makespan_in_order(equal, Steps{{2, 1}, {2, 1}}, 2) == 6);
  CHECK(makespan_in_order(equal, Steps{{1, 1, 1}, {1, 1, 1}}, 2) == 5);
}

TEST_CASE("a rehearsal takes the time of its loops on their cores, plus all the rest") {
  for (const int cores : {1, 2, 4, 8}) {
    CAPTURE(cores);
    Rehearsal rehearsal(cores);
    for (int turn = 0; turn < 3; ++turn)
      rehearsal.run([&] {
        compute_for(0.01);
        rehearsal.team().each(8, [](nn::index) { compute_for(0.002); });
      });
    const CoreTime time = rehearsal.time();
    CHECK(time.cores == cores);
    CHECK(time.work > 0.026 - 1e-4);
    CHECK(time.span > 0.012 - 1e-4);
    CHECK(time.span < 0.012 + 0.004);
    CHECK(time.seconds > 0.01 + 0.016 / cores - 1e-4);
    CHECK(time.seconds < 0.01 + 0.016 / cores + 0.004);
  }
}

TEST_CASE("the time of a rehearsal is shared out to what was at work") {
  std::string name;
  Rehearsal rehearsal(2, [&] { return name; });
  const auto loop = [&](const std::string& part, double seconds) {
    name = part;
    rehearsal.team().each(2, [=](nn::index) { compute_for(seconds); });
  };
  rehearsal.run([&] {
    loop("long", 0.005);
    loop("short", 0.001);
    loop("long", 0.005);
  });
  const auto times = rehearsal.time_by_name();
  REQUIRE(times.size() == 2);
  CHECK(times.at("short").work > 0.002 - 1e-4);
  CHECK(times.at("long").work > 0.02 - 1e-4);
  CHECK(times.at("long").work < rehearsal.time().work);
  CHECK(times.at("long").seconds < 0.75 * times.at("long").work);
}

// More than the four blocks of a product allow, and less than the cores.
TEST_CASE("sixteen cores would be more than six times as fast with two sequences of a LLaMA") {
  const std::vector<CoreTime> times = llama_times(std::vector{1, 16}, 2);
  REQUIRE(times.size() == 2);
  CHECK(times[0].seconds > 6 * times[1].seconds);
  CHECK(times[0].seconds < 16.5 * times[1].seconds);
  CHECK(times[1].span <= times[1].seconds);
  CHECK(times[0].seconds == doctest::Approx(times[0].work));
}

TEST_CASE("work and span are a table with the cores") {
  const std::vector<CoreTime> times{{1, 1, 0.5, 1}, {4, 1.2, 0.1, 0.4}};
  const report::Table table = to_table("A step", times);
  CHECK(table.rows[1] == std::vector<std::string>{"4", "1200", "100", "400", "2.5"});
  CHECK(to_csv(table).ends_with("\n4,1200,100,400,2.5\n"));
}

}  // namespace bench
