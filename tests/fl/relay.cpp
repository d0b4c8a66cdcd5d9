#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "fl/workers/parallel.h"
#include "fl/workers/relay.h"

namespace {

// The tasks that took each step, in the order in which they did.
std::vector<std::vector<int>> run(int workers, int tasks, int steps, int failing = -1) {
  std::vector<std::vector<int>> takers(steps);
  std::vector<int> pool(workers);
  fl::Relay relay(tasks);
  fl::ordered_parallel(
      pool, tasks,
      [&](int&, int task) {
        const fl::Relay::Runner runner(relay, task);
        for (int step = 0; step < steps; ++step) {
          if (task == failing && step == steps / 2) throw std::runtime_error("no");
          runner.begin(step, step);
          takers[step].push_back(task);
        }
      },
      [](int&, int) {});
  return takers;
}

}  // namespace

TEST_CASE("each step of a relay is taken in the order of the tasks, by any number of workers") {
  for (int workers : {1, 2, 3, 8})
    for (int tasks : {1, 2, 7, 100}) {
      std::vector<int> all(tasks);
      for (int i = 0; i < tasks; ++i) all[i] = i;
      for (const std::vector<int>& takers : run(workers, tasks, 5)) CHECK(takers == all);
    }
}

TEST_CASE("a step of a relay can wait for a later one of the task before") {
  for (int workers : {1, 2, 3}) {
    std::vector<int> pool(workers), order;
    fl::Relay relay(4);
    fl::ordered_parallel(
        pool, 4,
        [&](int&, int task) {
          const fl::Relay::Runner runner(relay, task);
          runner.begin(0, 2);
          order.push_back(task);
          runner.begin(1, 1);
          runner.begin(2, 2);
          order.push_back(task);
        },
        [](int&, int) {});
    CHECK(order == std::vector{0, 0, 1, 1, 2, 2, 3, 3});
  }
}

TEST_CASE("nobody waits for a task of a relay that failed") {
  for (int workers : {1, 2, 5})
    for (int failing : {0, 1, 6}) CHECK_THROWS_WITH(run(workers, 7, 4, failing), "no");
}
