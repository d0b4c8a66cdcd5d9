#include <doctest/doctest.h>

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <string>

#include "fl/workers/parallel.h"

TEST_CASE("tasks are consumed in order by any number of workers, each exactly once") {
  for (int workers : {1, 2, 3, 8})
    for (int count : {0, 1, 2, 7, 100}) {
      std::vector<int> pool(workers), consumed;
      std::vector<std::atomic<int>> produced(count);
      fl::ordered_parallel(
          pool, count,
          [&](int&, int task) {
            if (task % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
            ++produced[task];
          },
          [&](int&, int task) { consumed.push_back(task); });
      REQUIRE(static_cast<int>(consumed.size()) == count);
      for (int i = 0; i < count; ++i) {
        CHECK(consumed[i] == i);
        CHECK(produced[i] == 1);
      }
    }
}

TEST_CASE("every worker leaves once, after its last task, even if it had none or all failed") {
  for (int workers : {1, 2, 5})
    for (int count : {0, 1, 3, 20})
      for (bool fails : {false, true}) {
        std::vector<int> pool(workers);
        std::vector<std::atomic<int>> left(workers);
        const auto number = [&](int& worker) { return &worker - pool.data(); };
        const auto run = [&] {
          fl::ordered_parallel(
              pool, count,
              [&](int& worker, int task) {
                CHECK(left[number(worker)] == 0);
                if (fails && task == count / 2) throw std::runtime_error("no");
              },
              [&](int& worker, int) { CHECK(left[number(worker)] == 0); },
              [&](int& worker) { ++left[number(worker)]; });
        };
        if (fails && count > 0)
          CHECK_THROWS_WITH(run(), "no");
        else
          run();
        for (const auto& times : left) CHECK(times == 1);
      }
}

TEST_CASE("the first exception stops all workers and reaches the caller") {
  for (int workers : {1, 2, 4}) {
    std::vector<int> pool(workers);
    int consumed = 0;
    CHECK_THROWS_WITH(fl::ordered_parallel(
                          pool, 1000,
                          [](int&, int task) {
                            if (task == 5) throw std::runtime_error("task 5");
                          },
                          [&](int&, int) { ++consumed; }),
                      "task 5");
    CHECK(consumed <= 5);
  }
}

TEST_CASE("too few threads are an error, once those that started have ended and all have left") {
  // Stacks so large that some, but not all, fit into the address space of this process.
  constexpr std::size_t stack = std::size_t{256} << 20;
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  std::size_t usual = 0;
  pthread_getattr_default_np(&attributes);
  pthread_attr_getstacksize(&attributes, &usual);
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  const rlimit before = limit;
  limit.rlim_cur = pages * static_cast<std::size_t>(getpagesize()) + 3 * stack;
  if (limit.rlim_cur > (std::size_t{1} << 40)) {
    MESSAGE("sanitizers need terabytes of addresses");
    return;
  }
  pthread_attr_setstacksize(&attributes, stack);
  REQUIRE(pthread_setattr_default_np(&attributes) == 0);
  REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);

  std::vector<int> pool(16);
  std::vector<std::atomic<int>> left(pool.size());
  std::atomic<int> produced = 0;
  std::string said;
  try {
    fl::ordered_parallel(
        pool, 100000,
        [&](int&, int) {
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
          ++produced;
        },
        [](int&, int) {}, [&](int& worker) { ++left[&worker - pool.data()]; });
  } catch (const nn::InputError& error) {
    said = error.what();
  }
  setrlimit(RLIMIT_AS, &before);
  pthread_attr_setstacksize(&attributes, usual);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
  CHECK(said.starts_with("cannot start 16 threads: "));
  for (const auto& times : left) CHECK(times == 1);
  CHECK(produced < 100000);
}

TEST_CASE("an exception while consuming stops all workers too") {
  std::vector<int> pool(3);
  CHECK_THROWS_WITH(fl::ordered_parallel(
                        pool, 100, [](int&, int) {},
                        [](int&, int task) {
                          if (task == 3) throw std::runtime_error("no");
                        }),
                    "no");
}
