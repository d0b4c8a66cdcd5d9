#pragma once

#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "nn/real.h"

namespace fl {

// Vectors by a number.
class NumberedVectors {
 public:
  // Empty if none is kept.
  std::span<const nn::real> of(int number) const {
    const auto found = vectors_.find(number);
    return found == vectors_.end() ? std::span<const nn::real>() : found->second;
  }

  void keep(int number, std::vector<nn::real> vector) { vectors_[number] = std::move(vector); }

  void keep_only(const std::set<int>& numbers) {
    std::erase_if(vectors_, [&](const auto& kept) { return !numbers.contains(kept.first); });
  }

  const std::map<int, std::vector<nn::real>>& all() const { return vectors_; }

 private:
  std::map<int, std::vector<nn::real>> vectors_;
};

// What the clients keep between rounds: a vector for each client that has kept one, so that memory
// grows with the clients that were chosen, not with all there are.
using ClientStates = NumberedVectors;

}  // namespace fl
