#pragma once

#include <map>
#include <set>
#include <span>
#include <vector>

#include "nn/real.h"

namespace fl {

// What a client receives at its start.
struct Received {
  std::span<const nn::real> weights, buffers, broadcast;
};

// What clients have received that are still in flight when the server's weights move on: one copy
// for all that started in the same round.
class Versions {
 public:
  // Drops all that no client in flight has started from, and copies the newest if one has.
  void update(const std::set<int>& in_flight, int newest, const Received& current);

  // Of a server with so many weights and buffers. Throws nn::Error if it is not there.
  Received of(int version, std::size_t weights, std::size_t buffers) const;

  // By the round after which they were the newest, each: weights, buffers, broadcast.
  std::map<int, std::vector<nn::real>>& all() { return all_; }

 private:
  std::map<int, std::vector<nn::real>> all_;
};

}  // namespace fl
