#include <algorithm>
#include <cstdint>
#include <optional>

#include "nn/arena.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/correlation.h"
#include "nn/kernels/interleaved_gradients.h"
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
// 4 loads and 12 multiply-adds. If the epilogue pools, the 4 positions are one of its windows.
namespace nn::kernels {

namespace {

// Stores those of four values that are at less than `count`.
void store_four(real* to, index place, index count, const Vector (&values)[tile_places]) {
  for (index j = 0; j < std::min(tile_places, count - place); ++j)
    store(to + (place + j) * lanes, values[j]);
}

// The working memory for a block of images.
struct Block {
  Block(const Convolution& conv, Scratch& scratch)
      : conv(conv),
        planes{conv.channels, conv.height, conv.width, conv.padding, conv.padding},
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

  // dy[out, oh, ow] <- the gradients of the outputs before the epilogue, of n images from `first`
  void read_gradient(const OutputGradient& gradient, index first, index n, real* dy) {
    const index size = conv.y_size();
    OutputGradient next{gradient.dy + first * size, gradient.y + first * size, nullptr};
    for (index i = 0; i < n; ++i, next = next.next(conv)) next.pass_relu(conv, padded + i * size);
    std::fill(padded + n * size, padded + lanes * size, real(0));
    if (!conv.pools()) return transpose(padded, lanes, size, dy);
    transpose(padded, lanes, size, results);
    unpool(conv, results, gradient.argmax + first * size, dy);
  }

  const Convolution& conv;
  Planes planes;
  real *padded, *pixels, *results;
  real* framed;  // images take turns inside the frame, which stays zero
};

// Calls use(first, n) for blocks of at most `lanes` images.
template <class Use>
void each_image_block(const Convolution& conv, Use use) {
  for (index first = 0; first < conv.n; first += lanes) use(first, std::min(lanes, conv.n - first));
}

void forward(const Convolution& conv, const real* x, const real* weight, const real* bias, real* y,
             std::uint8_t* argmax, Arena& arena) {
  Scratch scratch(arena);
  Block block(conv, scratch);
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

void add_gradients(const Convolution& conv, OutputGradient gradient, const real* x,
                   const real* weight, Gradients to, Arena& arena) {
  Scratch scratch(arena);
  Block block(conv, scratch);
  real* dy = scratch.array<real>(lanes * conv.out * conv.positions());
  FilterGradients of_filters(conv, block.planes, block.framed, scratch);
  std::optional<InputGradient> of_input;
  if (to.dx) of_input.emplace(conv, weight, scratch);
  each_image_block(conv, [&](index first, index n) {
    block.read_input(x + first * conv.image_size(), n);
    block.read_gradient(gradient, first, n, dy);
    of_filters.add(dy);
    if (!of_input) return;
    of_input->compute(dy, block.pixels);
    deinterleave<true>(block.pixels, n, conv.image_size(), block.padded,
                       to.dx + first * conv.image_size());
  });
  of_filters.add_to(to.dweight, to.dbias);
}

// With fewer images than half a block's, too many lanes would be empty.
bool fits(const Convolution& conv) {
  return conv.n >= lanes / 2 && conv.kh * conv.kw > 1 && conv.padding < conv.kh &&
         conv.padding < conv.kw;
}

}  // namespace

const ConvolutionKernels interleaved_convolution{fits, forward, add_gradients};

}  // namespace nn::kernels
