#include "pipeline/schedules/room.h"

#include <numeric>

namespace pipeline {

std::vector<Room> uniform_rooms(int stages, int chunks, double limit) {
  return std::vector<Room>(stages, Room{limit, std::vector<double>(chunks, 1)});
}

Room with_even_chunks(const Room& room, int chunks) {
  if (static_cast<int>(room.sizes.size()) == chunks) return room;
  const double sum = std::accumulate(room.sizes.begin(), room.sizes.end(), 0.0);
  return {room.limit, std::vector<double>(chunks, sum / chunks)};
}

}  // namespace pipeline
