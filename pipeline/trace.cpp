#include "pipeline/trace.h"

#include <algorithm>
#include <ctime>

namespace pipeline {

namespace {

double read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

double wall_time() { return read(CLOCK_MONOTONIC); }
double processor_time() { return read(CLOCK_PROCESS_CPUTIME_ID); }

double Stopwatch::seconds() const {
  return std::min(wall_time() - wall_, processor_time() - processor_);
}

}  // namespace pipeline
