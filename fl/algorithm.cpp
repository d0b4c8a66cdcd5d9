#include "fl/algorithm.h"

namespace fl {

double ClientContext::compute_gradient(std::span<const int> batch) {
  const double loss = worker.compute_gradient(examples, batch, generator);
  loss_sum += loss;
  ++batches;
  return loss;
}

}  // namespace fl
