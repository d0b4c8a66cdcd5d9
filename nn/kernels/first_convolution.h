#pragma once

#include "nn/arena.h"
#include "nn/kernels/convolution.h"
#include "nn/real.h"

namespace nn::kernels {

// A convolution of few channels, and a ReLU, in front of another convolution. Its outputs are
// computed image by image, when they are needed, so that they never leave the cache. They have the
// channels last: a vector holds the outputs of one pixel, and small products are enough.
//
//   pixels[p, o] = sum over t of patches[t, p] filters[t, o]
//   dfilters[t, o] += sum over p of patches[t, p] dpixels[p, o]
//
// t counts the taps of a window in all channels, then a 1 whose filter is the bias, then zeros,
// until there are as many as the products want. Any window and stride; outputs fill whole vectors.
class FirstConvolution {
 public:
  static bool fits(const Convolution& conv);

  // x [n, channels, height, width]
  FirstConvolution(const Convolution& conv, const real* x, const real* weight, const real* bias,
                   Arena& arena);

  // The outputs of image i, [oh ow, out].
  const real* pixels(index i);

  // Then the gradient of these outputs, initially zero. add_gradient() passes it on: to dx, if it
  // is not null, and to the filters, whose gradients add_to_weights() adds up.
  real* clear_gradient();
  void add_gradient(real* dx);
  void add_to_weights(real* dweight, real* dbias) const;

 private:
  void read_patches(const real* image);
  real* framed_pixel(index c, index y, index x) const;

  Convolution conv_;
  const real *x_, *weight_;
  index image_ = 0;
  Arena& arena_;
  Scratch scratch_;
  index rows_;                 // of patches and filters
  real *patches_, *framed_;    // [rows, oh ow], and an image in a frame of zeros
  real *filters_, *dfilters_;  // [rows, out]
  real *pixels_, *dpixels_;
};

}  // namespace nn::kernels
