#pragma once

#include <optional>
#include <span>

#include "data/examples.h"
#include "nn/real.h"

namespace fl {

// Computes gradients for a worker, such as on several processes that have a part of its model each.
class GradientSource {
 public:
  virtual ~GradientSource() = default;

  // Sets `gradients` to those of the mean loss over a batch at these weights, and returns the loss:
  // sums over the batch's parts, in their order, each weighted by its share of the batch. Empty
  // if it no longer can: the worker then computes them by itself.
  virtual std::optional<double> compute(std::span<const nn::real> weights,
                                        std::span<const data::BatchPart> parts,
                                        std::span<nn::real> gradients) = 0;
};

// The part's share of its batch.
inline double share_of(const data::BatchPart& part) {
  return static_cast<double>(part.size()) / static_cast<double>(part.batch_size);
}

}  // namespace fl
