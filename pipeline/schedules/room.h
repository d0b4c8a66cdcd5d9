#pragma once

#include <vector>

namespace pipeline {

// What a stage may hold of microbatches, each from its forward to its weights. `sizes` says what
// one takes in each chunk, in the unit of the limit, whatever that is.
struct Room {
  double limit = 0;
  std::vector<double> sizes = {1};  // [chunk]

  bool fits(double held) const { return held - limit <= 1e-9 * held; }  // sums are rounded
};

// The same limit for all stages, in activations of one chunk.
std::vector<Room> uniform_rooms(int stages, int chunks, double limit);

// The same with this number of chunks. If there were others, these share a microbatch evenly.
Room with_even_chunks(const Room& room, int chunks);

}  // namespace pipeline
