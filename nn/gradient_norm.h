#pragma once

#include <span>

#include "nn/real.h"
#include "nn/team.h"

namespace nn {

// The sum of the squares, in double. The bits are the same for any number of threads.
double sum_of_squares(std::span<const real> values, Team& team);

// What gradients of this norm are multiplied by so that their norm is at most `largest`; 1 if it is
// no larger (torch.nn.utils.clip_grad_norm_, Pascanu et al. 2013).
double clip_factor(double norm, double largest);

// Multiplies the values by the factor.
void scale(std::span<real> values, double factor, Team& team);

}  // namespace nn
