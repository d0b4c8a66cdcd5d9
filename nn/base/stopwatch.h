#pragma once

#include <chrono>
#include <ctime>

namespace nn {

// Wall time since it was made.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// How long work() takes.
template <class Work>
double seconds_of(Work work) {
  const Stopwatch stopwatch;
  work();
  return stopwatch.seconds();
}

// Processor time of this thread since it began; waiting does not count.
inline double thread_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace nn
