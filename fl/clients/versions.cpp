#include "fl/clients/versions.h"

#include <vector>

#include "nn/base/error.h"

namespace fl {

void Versions::update(const std::set<int>& in_flight, int newest, const Received& current) {
  std::erase_if(all_, [&](const auto& kept) { return !in_flight.contains(kept.first); });
  if (!in_flight.contains(newest)) return;
  std::vector<nn::real>& copy = all_[newest];
  for (const auto& part : {current.weights, current.buffers, current.broadcast})
    copy.insert(copy.end(), part.begin(), part.end());
}

Received Versions::of(int version, std::size_t weights, std::size_t buffers) const {
  const auto found = all_.find(version);
  const std::span<const nn::real> all =
      found == all_.end() ? std::span<const nn::real>() : found->second;
  nn::require(all.size() >= weights + buffers, "server: the weights after round ", version,
              ", which clients train from, are missing");
  return {all.first(weights), all.subspan(weights, buffers), all.subspan(weights + buffers)};
}

}  // namespace fl
