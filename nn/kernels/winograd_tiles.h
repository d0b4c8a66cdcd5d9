#pragma once

#include "nn/kernels/convolution.h"
#include "nn/tensor.h"

namespace nn::kernels::winograd {

// How an image's outputs are divided into tiles of `size` x `size`, and where the pixels, outputs
// and windows of each are.
template <index size, index taps>
class Tiles {
 public:
  static constexpr index inner = size + taps - 1, places = inner * inner;

  explicit Tiles(const Convolution& conv)
      : conv_(conv), down_((conv.oh + size - 1) / size), across_((conv.ow + size - 1) / size) {}

  index count() const { return down_ * across_; }

  // Calls f(tile, y, x) with the position of the tile's first output.
  template <class Function>
  void each(Function f) const {
    for (index tile = 0; tile < count(); ++tile)
      f(tile, tile / across_ * size, tile % across_ * size);
  }

  // Calls f(k, channels of the pixel) for the inputs of a tile; null in the padding and beyond.
  template <class Real, class Function>
  void each_pixel(Real* image, index oy, index ox, Function f) const {
    for (index k = 0; k < places; ++k) {
      const index y = oy + k / inner - conv_.padding, x = ox + k % inner - conv_.padding;
      const bool is_inside = y >= 0 && y < conv_.height && x >= 0 && x < conv_.width;
      f(k, is_inside ? image + (y * conv_.width + x) * conv_.channels : nullptr);
    }
  }

  // Calls f(k, position in y) for the outputs of a tile.
  template <class Function>
  void each_output(index oy, index ox, Function f) const {
#pragma GCC unroll 16
    for (index k = 0; k < size * size; ++k) {
      const index y = oy + k / size, x = ox + k % size;
      if (y < conv_.oh && x < conv_.ow) f(k, y * conv_.ow + x);
    }
  }

  // Calls f(position of the window in y, position of its first pixel in the tile) for the windows
  // of a tile.
  template <class Function>
  void each_window(index oy, index ox, Function f) const {
#pragma GCC unroll 2
    for (index i = 0; i < size / 2; ++i)
#pragma GCC unroll 2
      for (index j = 0; j < size / 2; ++j)
        if (const index y = oy / 2 + i, x = ox / 2 + j; y < conv_.yh && x < conv_.yw)
          f(y * conv_.yw + x, 2 * (i * size + j));
  }

 private:
  const Convolution& conv_;
  index down_, across_;
};

}  // namespace nn::kernels::winograd
