#pragma once

#include "nn/arena.h"
#include "nn/tensor.h"

namespace nn::kernels {

// The sizes of a convolution: x [n, channels, height, width] with weight [out, channels, kh, kw]
// gives y [n, out, oh, ow].
struct Convolution {
  index n, channels, height, width, out, kh, kw, stride, padding;
  index oh = (height + 2 * padding - kh) / stride + 1;
  index ow = (width + 2 * padding - kw) / stride + 1;

  index image_size() const { return channels * height * width; }
  index patch_size() const { return channels * kh * kw; }
  index positions() const { return oh * ow; }
};

// One way to compute a convolution and its gradients. Each goes image by image, so that working
// memory (from the arena) does not grow with the batch; the gradients are added to.
struct ConvolutionKernels {
  void (*forward)(const Convolution&, const real* x, const real* weight, const real* bias, real* y,
                  Arena&);
  void (*add_dx)(const Convolution&, const real* dy, const real* weight, real* dx, Arena&);
  void (*add_dweight)(const Convolution&, const real* dy, const real* x, real* dweight, Arena&);
};

// Patches gathered into a matrix, then a matrix product: any shape. The plain twin of the others.
extern const ConvolutionKernels im2col_convolution;

// 3x3 windows, stride 1, straight from the pixels.
extern const ConvolutionKernels direct_convolution3x3;
bool fits_direct3x3(const Convolution&);

}  // namespace nn::kernels
