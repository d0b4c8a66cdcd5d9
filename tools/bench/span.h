#pragma once

#include <functional>
#include <span>
#include <vector>

#include "nn/team.h"

namespace bench {

// Estimates by work and span (Brent 1974) how long a program would take on more cores than there
// are. One core runs the parts of each loop one after another and times them; on paper, each part
// goes in turn to the first core that is free. Work outside loops stays on one core. The costs of
// waking threads and of sharing memory and caches, which only real cores would show, do not count.
class Rehearsal {
 public:
  explicit Rehearsal(int cores);

  nn::Team& team() { return team_; }
  // Runs work(), which uses the team. Every run must have the same loops, in the same order.
  void run(const std::function<void()>& work);
  // The estimate. The shortest run of each part counts: other programs can only slow it down.
  double seconds() const;

 private:
  void keep(std::span<const double> seconds);

  int cores_;
  nn::Team team_;
  std::vector<std::vector<double>> loops_;  // shortest time of each part; between loops, one part
  std::size_t next_ = 0;
  double last_end_ = 0;
};

// When the last of some parts ends if each goes in turn to the first core that is free.
double makespan(std::span<const double> seconds, int cores);

// The same if each part ends in steps, and each step is taken in the order of the parts, as in
// fl::Relay.
double makespan_in_order(std::span<const double> first, std::span<const std::vector<double>> steps,
                         int cores);

// Speedup over one core of a training step of the course's LLaMA, with `sequences` of 256 tokens in
// `microbatches`: forward, backward, the check for NaN, and Adam.
double llama_speedup(int cores, int sequences, int microbatches);

// Speedup over one core of a client's step with a batch of part A's network.
double cnn_speedup(int cores, int batch);

}  // namespace bench
