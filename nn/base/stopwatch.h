#pragma once

#include <chrono>
#include <ctime>

namespace nn {

// Measures wall time since its construction.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The wall time that work() takes.
template <class Work>
double seconds_of(Work work) {
  const Stopwatch stopwatch;
  work();
  return stopwatch.seconds();
}

// Processor time used by this thread, without waiting.
inline double thread_seconds() {
  std::timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace nn
