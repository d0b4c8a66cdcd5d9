#include "fl/clients/kept.h"

#include <utility>

#include "nn/base/error.h"

namespace fl {

Kept::Kept(std::vector<nn::real> all, Buffers kind, std::span<const nn::real> server_buffers)
    : state(all), buffers(server_buffers), all_(std::move(all)), kind_(kind) {
  if (kind == Buffers::averaged || all_.empty()) return;
  nn::require(state.size() >= buffers.size(), "a client has kept ", state.size(),
              " numbers, fewer than its model has buffers");
  buffers = state.last(buffers.size());
  state = state.first(state.size() - buffers.size());
}

std::vector<nn::real> Kept::after(std::span<const nn::real> new_state,
                                  std::span<const nn::real> new_buffers) const {
  if (kind_ == Buffers::averaged) return {new_state.begin(), new_state.end()};
  if (new_state.empty()) new_state = state;
  std::vector<nn::real> all(new_state.begin(), new_state.end());
  all.insert(all.end(), new_buffers.begin(), new_buffers.end());
  return all;
}

}  // namespace fl
