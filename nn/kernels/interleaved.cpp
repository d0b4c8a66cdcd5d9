#include <algorithm>
#include <cstdint>
#include <optional>
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

// The gradients of a block of images, from those of the outputs.
class InputGradient {
 public:
  InputGradient(const Convolution& conv, const real* weight, Scratch& scratch)
      : conv_(conv),
        // With a frame, so that the correlation covers all of dx, and its outputs are those of
        // stride 1.
        planes_{conv.out, conv.height + 2 * conv.padding - conv.kh + 1,
                conv.width + 2 * conv.padding - conv.kw + 1, conv.kh - 1 - conv.padding,
                conv.kw - 1 - conv.padding},
        framed_(scratch.array<real>(lanes * planes_.size())) {
    std::fill_n(framed_, lanes * planes_.size(), real(0));
    for (index y = 0; y < conv.stride; ++y)
      for (index x = 0; x < conv.stride; ++x)
        correlations_.emplace_back(conv, planes_, weight, y, x, scratch);
  }

  // pixels[channels, height, width] from dy[out, oh, ow]
  void compute(const real* dy, real* pixels) const {
    put_into_frame(dy, conv_.oh, conv_.ow, conv_.stride, planes_, framed_);
    for (const BackCorrelation& correlation : correlations_) correlation.run(framed_, pixels);
  }

 private:
  const Convolution& conv_;
  Planes planes_;
  real* framed_;
  std::vector<BackCorrelation> correlations_;
};

// The gradients of the filters, which every lane sums up for its own images.
class FilterGradients {
 public:
  FilterGradients(const Block& block, Scratch& scratch)
      : block_(block),
        conv_(block.conv),
        taps_(block.planes, {conv_.kh, conv_.kw}, scratch),
        dweight_(scratch.array<Vector>(conv_.out * taps_.count)),
        dbias_(scratch.array<Vector>(conv_.out)) {
    std::fill_n(dweight_, conv_.out * taps_.count, Vector{});
    std::fill_n(dbias_, conv_.out, Vector{});
  }

  // Adds those of the images in the block, from their dy[out, oh, ow].
  void add(const real* dy) {
    for (index o = 0; o < conv_.out; ++o)
      for (index at = 0; at < conv_.positions(); ++at) dbias_[o] += load(plane(dy, o) + at * lanes);
    for (index o = 0; o < conv_.out; o += tile_outputs)
      for (index tap = 0; tap < taps_.count; tap += tile_places) add_tile(dy, o, tap);
  }

  void add_to(real* dweight, real* dbias) const {
    for (index o = 0; o < conv_.out; ++o) {
      dbias[o] += sum_of(dbias_[o]);
      for (index tap = 0; tap < taps_.count; ++tap)
        dweight[o * taps_.count + taps_.weight_index[tap]] +=
            sum_of(dweight_[o * taps_.count + tap]);
    }
  }

 private:
  const real* plane(const real* dy, index o) const { return dy + o * conv_.positions() * lanes; }

  // Those of 3 outputs x 4 taps.
  void add_tile(const real* dy, index o, index tap) {
    const real *outputs[tile_outputs], *pixels[tile_places];
    for (index i = 0; i < tile_outputs; ++i) outputs[i] = plane(dy, std::min(o + i, conv_.out - 1));
    for (index j = 0; j < tile_places; ++j)
      pixels[j] = block_.framed + taps_.offsets[std::min(tap + j, taps_.count - 1)];
    Tile sum = {};
    index at = 0;
    for (index y = 0; y < conv_.oh; ++y)
      for (index x = 0; x < conv_.ow; ++x, at += lanes)
        add_products(
            {load_once(outputs[0] + at), load_once(outputs[1] + at), load_once(outputs[2] + at)},
            pixels, conv_.stride * (y * block_.planes.row() + x) * lanes, sum);
    for (index i = 0; i < std::min(tile_outputs, conv_.out - o); ++i)
      for (index j = 0; j < std::min(tile_places, taps_.count - tap); ++j)
        dweight_[(o + i) * taps_.count + tap + j] += sum[i][j];
  }

  const Block& block_;
  const Convolution& conv_;
  Taps taps_;
  Vector *dweight_, *dbias_;
};

void add_gradients(const Convolution& conv, OutputGradient gradient, const real* x,
                   const real* weight, Gradients to, Arena& arena) {
  Scratch scratch(arena);
  Block block(conv, scratch);
  real* dy = scratch.array<real>(lanes * conv.out * conv.positions());
  FilterGradients of_filters(block, scratch);
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
