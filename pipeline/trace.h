#pragma once

#include <chrono>
#include <vector>

#include "pipeline/picture.h"

namespace pipeline {

// Something that a rank did, in seconds of its clock.
struct Event {
  Kind kind;
  int step, item, chunk;  // item: microbatch, or piece of the model
  double start, end;
};

// What a rank did when. Costs two readings of the clock per event.
class Trace {
 public:
  explicit Trace(bool is_on = false) : is_on_(is_on) {}

  static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
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
