#pragma once

#include <string_view>
#include <vector>

#include "pipeline/schedule.h"

namespace pipeline {

enum class Kind { forward, backward, weights, update, reduce, send, receive, wait };

std::string_view name_of(Kind kind);
Kind kind_of(Work work);

double wall_time();       // seconds since a time in the past, the same for all of this machine
double processor_time();  // seconds that this process has computed, all its threads together

// Something that a rank did, in seconds of wall_time().
struct Event {
  Kind kind;
  int step, item, chunk;  // step: from 1; item: microbatch, or piece of the model
  double start, end;
};

// Measures what work costs: the shorter of wall and processor time, so that waiting for a core that
// others use is not counted, nor the second thread of a matrix product.
class Stopwatch {
 public:
  double seconds() const;

 private:
  double wall_ = wall_time(), processor_ = processor_time();
};

// What a rank did when. Costs two readings of the clock per event.
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
