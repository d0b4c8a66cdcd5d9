#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "nn/real.h"

namespace fl {

// What the clients keep between rounds: a vector for each client that has kept one, so that memory
// grows with the clients that were chosen, not with all there are.
class ClientStates {
 public:
  // Empty if the client keeps nothing.
  std::span<const nn::real> of(int client) const {
    const auto found = states_.find(client);
    return found == states_.end() ? std::span<const nn::real>() : found->second;
  }

  void keep(int client, std::vector<nn::real> state) { states_[client] = std::move(state); }

  const std::map<int, std::vector<nn::real>>& all() const { return states_; }

 private:
  std::map<int, std::vector<nn::real>> states_;
};

}  // namespace fl
