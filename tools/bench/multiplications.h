#pragma once

#include <span>

#include "nn/tensor.h"

namespace bench {

// A convolution with side x side outputs in each of its `out` channels; or a linear layer, which
// has one output in each.
struct LayerSize {
  nn::index in, out, side = 1, window = 1, stride = 1;
};

// Floating-point operations of the multiplications for one image, in float; a multiply-add counts
// as two. By Winograd's method a convolution needs fewer than by its formula, and with larger tiles
// still fewer: find_kernels() in nn/ops/convolution.cpp says when either applies. What its
// transforms add is not counted, so that no program with these kernels can take fewer.
double testing_flops(std::span<const LayerSize> layers);
// With the gradients of weights and inputs, but not of the images.
double training_flops(std::span<const LayerSize> layers);

}  // namespace bench
