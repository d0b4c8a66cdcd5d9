#pragma once

#include <span>

#include "fl/defences/aggregation.h"

// What the defences compute with whole updates.
namespace fl {

// Euclidean. At most the largest double, never infinite: quotients of norms are numbers.
double norm(std::span<const nn::real> a);
double distance(std::span<const nn::real> a, std::span<const nn::real> b);

// sum of weights_i row_i, one row after the other.
void weighted_sum(const UpdateMatrix& updates, std::span<const double> weights,
                  std::span<nn::real> result);

}  // namespace fl
