#include "pipeline/trace.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>

namespace pipeline {

namespace {

constexpr std::array<std::string_view, 10> names{"forward", "backward", "weights", "update",
                                                 "reduce",  "send",     "receive", "wait",
                                                 "scores",  "head"};

double read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

std::string_view name_of(Kind kind) { return names.at(static_cast<std::size_t>(kind)); }

Kind kind_of(Work work) {
  return std::array{Kind::forward, Kind::backward, Kind::weights, Kind::scores,
                    Kind::head}[static_cast<std::size_t>(work)];
}

double wall_time() { return read(CLOCK_MONOTONIC); }
double processor_time() { return read(CLOCK_PROCESS_CPUTIME_ID); }

double Stopwatch::seconds() const {
  return std::min(wall_time() - wall_, processor_time() - processor_);
}

}  // namespace pipeline
