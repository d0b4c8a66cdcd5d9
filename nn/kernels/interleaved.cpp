#include <algorithm>
#include <cstdint>
#include <vector>

#include "nn/arena.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/correlation.h"
#include "nn/kernels/interleaved_images.h"
#include "nn/kernels/pooling.h"
#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Convolution with any window and stride, on interleaved images. Vectors are full for any number of
// channels, and a window may start at any pixel. The price: empty lanes in the last block of
// images.
//
//   y[o, p] = bias[o] + sum over taps (ky, c, kx) of weight[o, c, ky, kx] x[c, stride p + (ky, kx)]
//
// A tile of 3 outputs x 4 positions stays in registers for the whole sum: per tap 3 broadcasts,
// 4 loads and 12 multiply-adds. If the epilogue pools, the 4 positions are one of its windows. The
// gradient of x is the same sum over dy, with flipped weights and zeros where the stride left
// pixels out; each pixel's sum skips the taps that meet only such zeros. The gradient of the
// weights has tiles of 3 outputs x 4 taps and sums over the positions.
namespace nn::kernels {

namespace {

// Stores those of four values that are at less than `count`.
void store_four(real* to, index place, index count, const Vector (&values)[tile_places]) {
  for (index j = 0; j < std::min(tile_places, count - place); ++j)
    store(to + (place + j) * lanes, values[j]);
}

Planes framed_input(const Convolution& conv) {
  return {conv.channels, conv.height, conv.width, conv.padding, conv.padding};
}

// The working memory for a block of images.
struct Block {
  Block(const Convolution& conv, const Planes& planes, Scratch& scratch)
      : conv(conv),
        planes(planes),
        padded(scratch.array<real>(lanes * std::max(conv.image_size(), conv.y_size()))),
        pixels(scratch.array<real>(lanes * conv.image_size())),
        results(scratch.array<real>(lanes * conv.y_size())),
        framed(scratch.array<real>(lanes * planes.size())) {
    std::fill_n(framed, lanes * planes.size(), real(0));
  }

  void read_input(const real* x, index n) {
    interleave(x, n, conv.image_size(), padded, pixels);
    put_into_frame(pixels, conv.height, conv.width, 1, planes, framed);
  }

  const Convolution& conv;
  Planes planes;
  real *padded, *pixels, *results;
  real* framed;  // images take turns inside the frame, which stays zero
};

struct BlockWithGradients : Block {
  BlockWithGradients(const Convolution& conv, const Planes& planes, Scratch& scratch)
      : Block(conv, planes, scratch),
        gradients(scratch.array<real>(lanes * conv.out * conv.positions())) {}

  // gradients[out, oh, ow] <- those of the outputs before the epilogue, of n images from `first`
  void read_gradient(const OutputGradient& gradient, index first, index n) {
    const index size = conv.y_size();
    OutputGradient next{gradient.dy + first * size, gradient.y + first * size, nullptr};
    for (index i = 0; i < n; ++i, next = next.next(conv)) next.pass_relu(conv, padded + i * size);
    std::fill(padded + n * size, padded + lanes * size, real(0));
    if (!conv.pools()) return transpose(padded, lanes, size, gradients);
    transpose(padded, lanes, size, results);
    unpool(conv, results, gradient.argmax + first * size, gradients);
  }

  real* gradients;
};

// Calls use(first, n) for blocks of at most `lanes` images.
template <class Use>
void each_image_block(const Convolution& conv, Use use) {
  for (index first = 0; first < conv.n; first += lanes) use(first, std::min(lanes, conv.n - first));
}

void forward(const Convolution& conv, const real* x, const real* weight, const real* bias, real* y,
             std::uint8_t* argmax, Arena& arena) {
  Scratch scratch(arena);
  Block block(conv, framed_input(conv), scratch);
  const Correlation correlation(
      block.planes, conv.out, {conv.kh, conv.kw}, conv.stride, 0, 0, scratch,
      [&](index o, index k) { return weight[o * conv.patch_size() + k]; });
  const index plane = conv.yh * conv.yw;
  each_image_block(conv, [&](index first, index n) {
    block.read_input(x + first * conv.image_size(), n);
    std::uint8_t* block_argmax = argmax ? argmax + first * conv.y_size() : nullptr;
    correlation.run(block.framed, conv.oh, conv.ow, conv.pools(),
                    [&](index o, index place, auto& sums) {
                      for (Vector& sum : sums) sum += bias[o];
                      real* to = block.results + o * plane * lanes;
                      if (conv.pools()) {
                        std::uint8_t* winner =
                            block_argmax ? block_argmax + (o * plane + place) * lanes : nullptr;
                        return store(to + place * lanes, relu(pool(sums, winner)));
                      }
                      if (conv.epilogue == Epilogue::relu)
                        for (Vector& sum : sums) sum = relu(sum);
                      store_four(to, place, plane, sums);
                    });
    deinterleave<false>(block.results, n, conv.y_size(), block.padded, y + first * conv.y_size());
  });
}

// The gradients of every stride-th pixel from (y, x) on: dy meets the same taps of their windows.
class BackCorrelation {
 public:
  BackCorrelation(const Convolution& conv, const Planes& planes, const real* weight, index y,
                  index x, Scratch& scratch)
      : rows_(steps(conv.height - y, conv.stride)),
        columns_(steps(conv.width - x, conv.stride)),
        image_(conv.height * conv.width),
        places_(scratch.array<index>(rows_ * columns_)),
        correlation_(planes, conv.channels, window_of(conv, planes, y, x), conv.stride, y, x,
                     scratch, [&, taps = conv.kh * conv.kw](index c, index k) {
                       return weight[(k / taps * conv.channels + c) * taps + taps - 1 - k % taps];
                     }) {
    for (index i = 0; i < rows_; ++i)
      for (index j = 0; j < columns_; ++j)
        places_[i * columns_ + j] = (y + i * conv.stride) * conv.width + x + j * conv.stride;
  }

  // Writes its pixels of a block of images.
  void run(const real* framed, real* pixels) const {
    correlation_.run(framed, rows_, columns_, false, [&](index c, index place, auto& sums) {
      for (index j = 0; j < std::min(tile_places, rows_ * columns_ - place); ++j)
        store(pixels + (c * image_ + places_[place + j]) * lanes, sums[j]);
    });
  }

 private:
  static Window window_of(const Convolution& conv, const Planes& planes, index y, index x) {
    const auto first_tap = [&](index frame, index at) {
      return (frame + conv.stride - at) % conv.stride;
    };
    return {conv.kh, conv.kw, first_tap(planes.frame_y, y), first_tap(planes.frame_x, x),
            conv.stride};
  }

  index rows_, columns_, image_;
  index* places_;  // of its pixels in a plane
  Correlation correlation_;
};

void add_dx(const Convolution& conv, OutputGradient gradient, const real* weight, real* dx,
            Arena& arena) {
  // With a frame, so that the correlation covers all of dx, and its outputs are those of stride 1.
  const Planes planes{conv.out, conv.height + 2 * conv.padding - conv.kh + 1,
                      conv.width + 2 * conv.padding - conv.kw + 1, conv.kh - 1 - conv.padding,
                      conv.kw - 1 - conv.padding};
  Scratch scratch(arena);
  BlockWithGradients block(conv, planes, scratch);
  std::vector<BackCorrelation> correlations;
  for (index y = 0; y < conv.stride; ++y)
    for (index x = 0; x < conv.stride; ++x)
      correlations.emplace_back(conv, planes, weight, y, x, scratch);
  each_image_block(conv, [&](index first, index n) {
    block.read_gradient(gradient, first, n);
    put_into_frame(block.gradients, conv.oh, conv.ow, conv.stride, planes, block.framed);
    for (const BackCorrelation& correlation : correlations)
      correlation.run(block.framed, block.pixels);
    deinterleave<true>(block.pixels, n, conv.image_size(), block.padded,
                       dx + first * conv.image_size());
  });
}

void add_dweight(const Convolution& conv, OutputGradient gradient, const real* x, real* dweight,
                 Arena& arena) {
  Scratch scratch(arena);
  BlockWithGradients block(conv, framed_input(conv), scratch);
  const Taps taps(block.planes, {conv.kh, conv.kw}, scratch);
  Vector* totals = scratch.array<Vector>(conv.out * taps.count);
  std::fill_n(totals, conv.out * taps.count, Vector{});
  each_image_block(conv, [&](index first, index n) {
    block.read_input(x + first * conv.image_size(), n);
    block.read_gradient(gradient, first, n);
    for (index o = 0; o < conv.out; o += tile_outputs)
      for (index tap = 0; tap < taps.count; tap += tile_places) {
        const real *outputs[tile_outputs], *pixels[tile_places];
        for (index i = 0; i < tile_outputs; ++i)
          outputs[i] = block.gradients + std::min(o + i, conv.out - 1) * conv.positions() * lanes;
        for (index j = 0; j < tile_places; ++j)
          pixels[j] = block.framed + taps.offsets[std::min(tap + j, taps.count - 1)];
        Tile sum = {};
        index at = 0;
        for (index y = 0; y < conv.oh; ++y)
          for (index x = 0; x < conv.ow; ++x, at += lanes)
            add_products({load_once(outputs[0] + at), load_once(outputs[1] + at),
                          load_once(outputs[2] + at)},
                         pixels, conv.stride * (y * block.planes.row() + x) * lanes, sum);
        for (index i = 0; i < std::min(tile_outputs, conv.out - o); ++i)
          for (index j = 0; j < std::min(tile_places, taps.count - tap); ++j)
            totals[(o + i) * taps.count + tap + j] += sum[i][j];
      }
  });
  for (index o = 0; o < conv.out; ++o)
    for (index tap = 0; tap < taps.count; ++tap)
      dweight[o * taps.count + taps.weight_index[tap]] += sum_of(totals[o * taps.count + tap]);
}

// With fewer images than half a block's, too many lanes would be empty.
bool fits(const Convolution& conv) {
  return conv.n >= lanes / 2 && conv.kh * conv.kw > 1 && conv.padding < conv.kh &&
         conv.padding < conv.kw;
}

}  // namespace

const ConvolutionKernels interleaved_convolution{fits, forward, add_dx, add_dweight};

}  // namespace nn::kernels
