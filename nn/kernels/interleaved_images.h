#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "nn/kernels/convolution.h"
#include "nn/kernels/pooling.h"
#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Interleaved images: a vector holds the same pixel of as many images as it has lanes. What is true
// of one pixel is then true of a vector, so loops over pixels need no special cases.
namespace nn::kernels {

// Planes [count, height, width] inside a frame of zeros; sizes in vectors.
struct Planes {
  index count, height, width, frame_y, frame_x;
  index row() const { return width + 2 * frame_x; }
  // Odd, so that planes do not share cache sets.
  index plane() const { return (height + 2 * frame_y) * row() | 1; }
  index size() const { return count * plane(); }
};

// to[size, lanes] <- images[n, size] for n <= lanes; the other lanes get zeros. `padded` has room
// for `lanes` images.
inline void interleave(const real* images, index n, index size, real* padded, real* to) {
  if (n < lanes) {
    std::copy_n(images, n * size, padded);
    std::fill(padded + n * size, padded + lanes * size, real(0));
    images = padded;
  }
  transpose(images, lanes, size, to);
}

// The inverse: images[n, size] = (or +=) from[size, lanes].
template <bool adds>
void deinterleave(const real* from, index n, index size, real* padded, real* images) {
  if (n == lanes) return transpose<adds>(from, size, lanes, images);
  transpose(from, size, lanes, padded);
  for (index i = 0; i < n * size; ++i) images[i] = padded[i] + (adds ? images[i] : 0);
}

// framed <- interleaved planes [count, height, width] without a frame, each pixel `stride` pixels
// after the one before. The frame and what is in between have to be zero already.
inline void put_into_frame(const real* from, index height, index width, index stride,
                           const Planes& planes, real* framed) {
  for (index c = 0; c < planes.count; ++c)
    for (index y = 0; y < height; ++y, from += width * lanes) {
      const index row = planes.frame_y + stride * y;
      real* to = framed + (c * planes.plane() + row * planes.row() + planes.frame_x) * lanes;
      if (stride == 1)
        std::memcpy(to, from, width * lanes * sizeof(real));
      else
        for (index x = 0; x < width; ++x) store(to + stride * x * lanes, load(from + x * lanes));
    }
}

// The reverse of pooling: to[out, oh, ow] gets the gradient of every window [out, yh, yw] at the
// output that won, and zeros elsewhere.
inline void unpool(const Convolution& conv, const real* from, const std::uint8_t* argmax,
                   real* to) {
  if (conv.oh % 2 == 1 || conv.ow % 2 == 1)  // some outputs are in no window
    std::fill_n(to, conv.out * conv.positions() * lanes, real(0));
  for (index o = 0; o < conv.out; ++o)
    for (index y = 0; y < conv.yh; ++y)
      for (index x = 0; x < conv.yw; ++x, from += lanes, argmax += lanes) {
        const Vector gradient = load(from);
        real* corner = to + ((o * conv.oh + 2 * y) * conv.ow + 2 * x) * lanes;
        for (int q = 0; q < 4; ++q)
          store(corner + (q / 2 * conv.ow + q % 2) * lanes, unpool(gradient, argmax, q));
      }
}

}  // namespace nn::kernels
