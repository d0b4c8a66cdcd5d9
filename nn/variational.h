#pragma once

#include "nn/tape.h"
#include "nn/tensor.h"

// The ops of variational autoencoders (Kingma and Welling 2014), in nn/ops/variational.cpp.
namespace nn {

// mean + noise exp(log_variance / 2), all of one shape: a draw from N(mean, variance) if the noise
// is from N(0, 1), with gradients for both parameters. The noise must outlive the sweep.
Var reparameterize(Var mean, Var log_variance, ConstView noise);

// The KL divergence of N(mean, exp(log_variance)) from N(0, 1), summed over all elements: one
// number, -1/2 sum(1 + log_variance - mean^2 - exp(log_variance)).
Var kl_divergence(Var mean, Var log_variance);

// sum (x - target)^2 over all elements: one number. The target gets no gradient.
Var squared_error(Var x, ConstView target);

}  // namespace nn
