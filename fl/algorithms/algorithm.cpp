#include "fl/algorithms/algorithm.h"

#include <algorithm>

#include "nn/base/error.h"

namespace fl {

double ClientContext::compute_gradient(std::span<const int> batch) {
  const double loss = worker.compute_gradient(examples, batch, generator);
  loss_sum += loss;
  ++batches;
  return loss;
}

bool ClientContext::copy_state(std::span<nn::real> to) const {
  nn::require(state.empty() || state.size() == to.size(), "client ", client, " has kept ",
              state.size(), " numbers, not ", to.size());
  std::ranges::copy(state, to.begin());
  return !state.empty();
}

void Algorithm::apply(ServerContext& server, std::span<const nn::real> aggregate) {
  nn::require(aggregate.size() == server.weights.size(), "algorithm: an aggregate of ",
              aggregate.size(), " numbers for ", server.weights.size(), " weights");
  std::ranges::copy(aggregate, server.weights.begin());
}

}  // namespace fl
