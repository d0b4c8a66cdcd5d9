#pragma once

#include <string_view>
#include <vector>

#include "pipeline/schedules/schedule.h"

namespace pipeline {

enum class Kind { forward, backward, weights, update, reduce, send, receive, wait, scores, head };

std::string_view name_of(Kind kind);
Kind kind_of(Work work);

double wall_time();       // seconds since some past moment, the same for all processes of a machine
double processor_time();  // seconds that all threads of this process have computed

// Something that a rank did; times are seconds of wall_time().
struct Event {
  Kind kind;
  int step, item, chunk;  // step: from 1; item: microbatch, or block of the model
  double start, end;
};

// Measures the cost of work: the shorter of wall and processor time, so neither waiting for a busy
// core nor the second thread of a matrix product counts.
class Stopwatch {
 public:
  double seconds() const;

 private:
  double wall_ = wall_time(), processor_ = processor_time();
};

// Records what a rank did and when. Costs two readings of the clock per event.
class Trace {
 public:
  explicit Trace(bool is_on = false) : is_on_(is_on) {}

  bool is_on() const { return is_on_; }
  void add(Kind kind, int step, int item, int chunk, double start, double end) {
    if (is_on_) events_.push_back({kind, step, item, chunk, start, end});
  }
  const std::vector<Event>& events() const { return events_; }

 private:
  bool is_on_;
  std::vector<Event> events_;
};

}  // namespace pipeline
