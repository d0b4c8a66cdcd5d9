#pragma once

#include <span>
#include <vector>

#include "fl/config.h"
#include "nn/real.h"

namespace fl {

// What a client begins a round with beside the server's weights: its algorithm's state, which is
// empty before its first round, and buffers, its own or the server's.
class Kept {
 public:
  // `all`: what it has in ClientStates, empty before its first round. Local buffers are at the end
  // of it; if there are none yet, they are the server's. Throws nn::Error if it is too short.
  Kept(std::vector<nn::real> all, Buffers kind, std::span<const nn::real> server_buffers);
  Kept(Kept&&) = default;  // the spans stay valid

  std::span<const nn::real> state, buffers;

  // What it keeps of a round that ended with these; an empty state stays as it was.
  std::vector<nn::real> after(std::span<const nn::real> new_state,
                              std::span<const nn::real> new_buffers) const;

 private:
  std::vector<nn::real> all_;
  Buffers kind_;
};

}  // namespace fl
