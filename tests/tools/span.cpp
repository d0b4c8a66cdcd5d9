#include "tools/bench/span.h"

#include <doctest/doctest.h>

#include <vector>

#include "nn/base/error.h"
#include "nn/base/stopwatch.h"
#include "nn/blas.h"

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
    CHECK(rehearsal.seconds() > 0.01 + 0.016 / cores - 1e-4);
    CHECK(rehearsal.seconds() < 0.01 + 0.016 / cores + 0.004);
  }
}

// More than the four blocks of a product allow, and less than the cores.
TEST_CASE("sixteen cores would be more than six times as fast with two sequences of a LLaMA") {
  nn::blas::reserve(1);
  const double speedup = llama_speedup(16, 2, 1);
  CHECK(speedup > 6);
  CHECK(speedup < 16.5);
}

}  // namespace bench
