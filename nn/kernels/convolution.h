#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/arena.h"
#include "nn/epilogue.h"
#include "nn/kernels/vector.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "nn/tensor.h"

namespace nn::kernels {

// The sizes of a convolution: x [n, channels, height, width] with weight [out, channels, kh, kw]
// gives oh x ow outputs in each of the planes of y [n, out, yh, yw].
struct Convolution {
  index n, channels, height, width, out, kh, kw, stride, padding;
  Epilogue epilogue = Epilogue::nothing;
  Precision precision = Precision::full;
  index oh = (height + 2 * padding - kh) / stride + 1;
  index ow = (width + 2 * padding - kw) / stride + 1;
  index yh = pools() ? oh / 2 : oh;
  index yw = pools() ? ow / 2 : ow;

  bool pools() const { return epilogue == Epilogue::relu_max_pool; }

  index image_size() const { return channels * height * width; }
  index patch_size() const { return channels * kh * kw; }
  index positions() const { return oh * ow; }
  index y_size() const { return out * yh * yw; }
  index argmax_size() const { return (n + lanes - 1) / lanes * lanes * y_size(); }
};

// The input of a kernel's gradients: the gradient of y, and the results of the forward pass.
struct OutputGradient {
  const real* dy;
  const real* y;               // a ReLU passed the outputs that are above 0
  const std::uint8_t* argmax;  // of each window in y, in the kernel's own order

  // The same for the next image.
  OutputGradient next(const Convolution& conv) const {
    return {dy + conv.y_size(), y + conv.y_size(), argmax ? argmax + conv.y_size() : nullptr};
  }

  // passed[y_size] = one image's dy, masked by the ReLU.
  void pass_relu(const Convolution& conv, real* passed) const {
    if (conv.epilogue == Epilogue::nothing)
      std::copy_n(dy, conv.y_size(), passed);
    else
      for (index i = 0; i < conv.y_size(); ++i) passed[i] = y[i] > 0 ? dy[i] : 0;
  }
};

// Where a convolution's gradients are added; dx is null if it is not needed.
struct Gradients {
  real *dx, *dweight, *dbias;
};

// One way to compute a convolution and its gradients. Each function goes image by image, or block
// by block, so working memory (from the arena) does not grow with the batch. Gradients are added
// to, all of them in one pass.
struct ConvolutionKernels {
  bool (*fits)(const Convolution&);
  // argmax[argmax_size()]: which of the four pixels is each window's maximum; null if not needed.
  void (*forward)(const Convolution&, const real* x, const real* weight, const real* bias, real* y,
                  std::uint8_t* argmax, Arena&);
  void (*add_gradients)(const Convolution&, OutputGradient, const real* x, const real* weight,
                        Gradients, Arena&);
};

// A convolution with a ReLU, and another one behind it. What is between the two is not stored.
struct ConvolutionPair {
  Convolution first, second;
};
struct Filters {
  const real *weight, *bias;
};

// Like ConvolutionKernels; x and dx are those of the first convolution.
struct ConvolutionPairKernels {
  bool (*fits)(const ConvolutionPair&);
  void (*forward)(const ConvolutionPair&, const real* x, Filters first, Filters second, real* y,
                  std::uint8_t* argmax, Arena&);
  void (*add_gradients)(const ConvolutionPair&, OutputGradient, const real* x, Filters first,
                        Filters second, Gradients of_first, Gradients of_second, Arena&);
};

// Gathers patches into a matrix, then computes a matrix product. Any shape; the reference for the
// other kernels.
extern const ConvolutionKernels im2col_convolution;

// 3x3 windows with stride 1, directly from the pixels.
extern const ConvolutionKernels direct_convolution3x3;

// The same with fewer multiplications, if channels and outputs fill whole vectors. The forward pass
// uses tiles of 2x2 outputs or, faster and a digit less exact, of 4x4.
extern const ConvolutionKernels winograd_2x2_convolution3x3, winograd_4x4_convolution3x3;

// The same behind a first convolution, of any window and few channels.
extern const ConvolutionPairKernels winograd_2x2_pair, winograd_4x4_pair;

// The same for 5x5 windows, as exact as the tiles of 4x4, in training, too: the course, whose
// accuracies are to be met, has none.
extern const ConvolutionKernels winograd_2x2_convolution5x5;

// The same with the factors of their products rounded to bfloat16, for convolutions in that
// precision whose channels and outputs are multiples of 16. What is rounded is transformed already,
// so outputs and gradients are wrong by 1.2 to 1.6 % (root mean square), where rounding x, weight
// and dy themselves makes 0.23 %, and tiles of 2x2 make 0.3 to 0.4 %.
extern const ConvolutionKernels bf16_winograd_4x4_convolution3x3, bf16_winograd_2x2_convolution5x5;
extern const ConvolutionPairKernels bf16_winograd_4x4_pair;

// Any window and stride, on as many images at once as a vector has lanes; not for a few images.
extern const ConvolutionKernels interleaved_convolution;

}  // namespace nn::kernels
