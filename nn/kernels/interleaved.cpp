#include <algorithm>
#include <cstdint>

#include "nn/arena.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
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
// pixels out. The gradient of the weights has tiles of 3 outputs x 4 taps and sums over the
// positions.
namespace nn::kernels {

namespace {

constexpr index tile_outputs = 3, tile_places = 4;
using Tile = Vector[tile_outputs][tile_places];

// sum[i][j] += rows[i] columns[j][offset]; a row is a number or a vector.
template <class Row>
[[gnu::always_inline]] inline void add_products(const Row (&rows)[tile_outputs],
                                                const real* const (&columns)[tile_places],
                                                index offset, Tile& sum) {
  for (index j = 0; j < tile_places; ++j) {
    const Vector column = load_once(columns[j] + offset);
    for (index i = 0; i < tile_outputs; ++i) sum[i][j] += rows[i] * column;
  }
}

// sum[i][j] = sum over taps of weight[tap, i] starts[j][offset of the tap]
void correlate(const real* weight, const index* offsets, index taps,
               const real* const (&starts)[tile_places], Tile& sum) {
  Tile total = {};
  for (index tap = 0; tap < taps; ++tap, weight += tile_outputs)
    add_products({weight[0], weight[1], weight[2]}, starts, offsets[tap], total);
  std::copy_n(&total[0][0], tile_outputs * tile_places, &sum[0][0]);
}

// What a window reads, row by row, so that its first and last rows can be left out.
struct Taps {
  index per_row, count;
  index* offsets;       // of each tap from the window's first pixel, in framed planes
  index* weight_index;  // the tap's place in a filter [count of planes, kh, kw]

  Taps(const Planes& planes, index kh, index kw, Scratch& scratch)
      : per_row(planes.count * kw),
        count(kh * per_row),
        offsets(scratch.array<index>(count)),
        weight_index(scratch.array<index>(count)) {
    index tap = 0;
    for (index ky = 0; ky < kh; ++ky)
      for (index c = 0; c < planes.count; ++c)
        for (index kx = 0; kx < kw; ++kx, ++tap) {
          offsets[tap] = (c * planes.plane() + ky * planes.row() + kx) * lanes;
          weight_index[tap] = (c * kh + ky) * kw + kx;
        }
  }
};

// A correlation of framed planes with `outputs` filters, at every stride-th pixel of every
// stride-th row.
class Correlation {
 public:
  // weight_of(output, place in its filter) gives the weights.
  template <class WeightOf>
  Correlation(const Planes& planes, index outputs, index kh, index kw, index stride,
              Scratch& scratch, WeightOf weight_of)
      : planes_(planes),
        outputs_(outputs),
        kh_(kh),
        stride_(stride),
        taps_(planes, kh, kw, scratch),
        packed_(scratch.array<real>((outputs + tile_outputs - 1) * taps_.count)) {
    real* packed = packed_;
    for (index o = 0; o < outputs; o += tile_outputs)
      for (index tap = 0; tap < taps_.count; ++tap)
        for (index i = o; i < o + tile_outputs; ++i)
          *packed++ = i < outputs ? weight_of(i, taps_.weight_index[tap]) : 0;
  }

  // Calls use(output, place, sums of 4 positions) for all outputs of height x width. With `pools`,
  // the four are a 2x2 window, and places count windows. Otherwise they follow each other from
  // their place on, and the last four may repeat the last position.
  template <class Use>
  void run(const real* framed, index height, index width, bool pools, Use use) const {
    index place = 0;
    if (pools) {
      for (index y = 0; y + 1 < height; y += 2)
        for (index x = 0; x + 1 < width; x += 2) {
          const real *corner = start(framed, y, x), *below = start(framed, y + 1, x);
          const index next = stride_ * lanes;
          correlate_tile({corner, corner + next, below, below + next}, y, y + 1, place++, use);
        }
      return;
    }
    for (index y = 0, x = 0; place < height * width; place += tile_places) {
      const real* starts[tile_places];
      const index top = y;
      for (index j = 0; j < tile_places; ++j) {
        starts[j] = start(framed, y, x);
        if (place + j + 1 < height * width && ++x == width) x = 0, ++y;
      }
      correlate_tile(starts, top, y, place, use);
    }
  }

 private:
  // The first pixel of the window of an output.
  const real* start(const real* framed, index y, index x) const {
    return framed + stride_ * (y * planes_.row() + x) * lanes;
  }

  // For outputs in the rows `top` to `bottom`. Rows of all four windows that lie in the frame are
  // left out.
  template <class Use>
  void correlate_tile(const real* const (&starts)[tile_places], index top, index bottom,
                      index place, Use use) const {
    const index above = planes_.frame_y, below = above + planes_.height;
    const index first = std::max<index>(0, above - stride_ * bottom) * taps_.per_row;
    const index last = std::min(kh_, below - stride_ * top) * taps_.per_row;
    for (index o = 0; o < outputs_; o += tile_outputs) {
      Tile sum;
      correlate(packed_ + o * taps_.count + first * tile_outputs, taps_.offsets + first,
                last - first, starts, sum);
      for (index i = 0; i < std::min(tile_outputs, outputs_ - o); ++i) use(o + i, place, sum[i]);
    }
  }

  Planes planes_;
  index outputs_, kh_, stride_;
  Taps taps_;
  real* packed_;
};

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
void each_block(const Convolution& conv, Use use) {
  for (index first = 0; first < conv.n; first += lanes) use(first, std::min(lanes, conv.n - first));
}

void forward(const Convolution& conv, const real* x, const real* weight, const real* bias, real* y,
             std::uint8_t* argmax, Arena& arena) {
  Scratch scratch(arena);
  Block block(conv, framed_input(conv), scratch);
  const Correlation correlation(
      block.planes, conv.out, conv.kh, conv.kw, conv.stride, scratch,
      [&](index o, index k) { return weight[o * conv.patch_size() + k]; });
  const index plane = conv.yh * conv.yw;
  each_block(conv, [&](index first, index n) {
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

void add_dx(const Convolution& conv, OutputGradient gradient, const real* weight, real* dx,
            Arena& arena) {
  // Patches take less time than a sum mostly over zeros.
  if (conv.stride > 1 && conv.epilogue == Epilogue::nothing)
    return im2col_convolution.add_dx(conv, gradient, weight, dx, arena);
  // With a frame, so that the correlation covers all of dx, and its outputs are those of stride 1.
  const Planes planes{conv.out, conv.height + 2 * conv.padding - conv.kh + 1,
                      conv.width + 2 * conv.padding - conv.kw + 1, conv.kh - 1 - conv.padding,
                      conv.kw - 1 - conv.padding};
  Scratch scratch(arena);
  BlockWithGradients block(conv, planes, scratch);
  const index taps = conv.kh * conv.kw, plane = conv.height * conv.width;
  const Correlation correlation(
      planes, conv.channels, conv.kh, conv.kw, 1, scratch, [&](index c, index k) {
        return weight[(k / taps * conv.channels + c) * taps + taps - 1 - k % taps];
      });
  each_block(conv, [&](index first, index n) {
    block.read_gradient(gradient, first, n);
    put_into_frame(block.gradients, conv.oh, conv.ow, conv.stride, planes, block.framed);
    correlation.run(block.framed, conv.height, conv.width, false,
                    [&](index c, index place, auto& sums) {
                      store_four(block.pixels + c * plane * lanes, place, plane, sums);
                    });
    deinterleave<true>(block.pixels, n, conv.image_size(), block.padded,
                       dx + first * conv.image_size());
  });
}

void add_dweight(const Convolution& conv, OutputGradient gradient, const real* x, real* dweight,
                 Arena& arena) {
  Scratch scratch(arena);
  BlockWithGradients block(conv, framed_input(conv), scratch);
  const Taps taps(block.planes, conv.kh, conv.kw, scratch);
  Vector* totals = scratch.array<Vector>(conv.out * taps.count);
  std::fill_n(totals, conv.out * taps.count, Vector{});
  each_block(conv, [&](index first, index n) {
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
