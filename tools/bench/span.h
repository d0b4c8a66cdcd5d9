#pragma once

#include <functional>
#include <span>

#include "nn/team.h"

namespace bench {

// The time of loops of a program by work and span (Brent 1974): its parts are done one by one on
// one core and timed, then dealt out on paper to more cores, each part in turn to the first core
// that is free. What is in no loop stays with one core. Counted out is what only many cores could
// show: waking threads, and memory and caches that they share.
class Rehearsal {
 public:
  explicit Rehearsal(int cores);

  nn::Team& team() { return team_; }
  // How long work(), which uses the team, would take.
  double seconds_of(const std::function<void()>& work);

 private:
  int cores_;
  double saved_ = 0;  // by the loops since the start
  nn::Team team_;
};

// When the last of some parts is done that are taken in turn, each by the first core that is free.
double makespan(std::span<const double> seconds, int cores);

// The same if each part ends in a second half, and those are done strictly in turn, as in
// fl::ordered_parallel().
double makespan_in_order(std::span<const double> first, std::span<const double> second, int cores);

// How many times as fast as on one core a step of the course's LLaMA is, with so many sequences of
// 256 tokens in so many microbatches: forwards, backwards, a look for NaN, and Adam.
double llama_speedup(int cores, int sequences, int microbatches);

// The same of a client's step with a batch of part A's network.
double cnn_speedup(int cores, int batch);

}  // namespace bench
