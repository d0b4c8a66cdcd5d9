#include "fl/versions.h"

#include <vector>

#include "nn/base/error.h"

namespace fl {

void Versions::update(const std::set<int>& in_flight, int newest, const Received& current) {
  all_.keep_only(in_flight);
  if (!in_flight.contains(newest)) return;
  std::vector<nn::real> copy;
  for (const auto& part : {current.weights, current.buffers, current.broadcast})
    copy.insert(copy.end(), part.begin(), part.end());
  all_.keep(newest, std::move(copy));
}

Received Versions::of(int version, std::size_t weights, std::size_t buffers) const {
  const std::span<const nn::real> all = all_.of(version);
  nn::require(all.size() >= weights + buffers, "server: the weights after round ", version,
              ", which clients train from, are missing");
  return {all.first(weights), all.subspan(weights, buffers), all.subspan(weights + buffers)};
}

}  // namespace fl
