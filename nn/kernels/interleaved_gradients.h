#pragma once

#include <algorithm>
#include <vector>

#include "nn/arena.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/correlation.h"
#include "nn/kernels/interleaved_images.h"
#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/tensor.h"

// The gradients of a convolution of interleaved images. That of x is a sum over dy, with flipped
// weights and zeros where the stride left pixels out; each pixel's sum skips the taps that meet
// only such zeros. That of the weights has tiles of 3 outputs x 4 taps and sums over the positions.
namespace nn::kernels {

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
  FilterGradients(const Convolution& conv, const Planes& planes, const real* framed,
                  Scratch& scratch)
      : conv_(conv),
        planes_(planes),
        framed_(framed),
        taps_(planes, {conv_.kh, conv_.kw}, scratch),
        dweight_(scratch.array<Vector>(conv_.out * taps_.count)),
        dbias_(scratch.array<Vector>(conv_.out)) {
    std::fill_n(dweight_, conv_.out * taps_.count, Vector{});
    std::fill_n(dbias_, conv_.out, Vector{});
  }

  // Adds those of the images in the frame, from their dy[out, oh, ow].
  void add(const real* dy) {
    for (index o = 0; o < conv_.out; ++o) {
      Vector sum = {};
      for (index at = 0; at < conv_.positions(); ++at) sum += load(plane(dy, o) + at * lanes);
      dbias_[o] += sum;
    }
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
      pixels[j] = framed_ + taps_.offsets[std::min(tap + j, taps_.count - 1)];
    Tile sum = {};
    index at = 0;
    for (index y = 0; y < conv_.oh; ++y)
      for (index x = 0; x < conv_.ow; ++x, at += lanes)
        add_products(
            {load_once(outputs[0] + at), load_once(outputs[1] + at), load_once(outputs[2] + at)},
            pixels, conv_.stride * (y * planes_.row() + x) * lanes, sum);
    for (index i = 0; i < std::min(tile_outputs, conv_.out - o); ++i)
      for (index j = 0; j < std::min(tile_places, taps_.count - tap); ++j)
        dweight_[(o + i) * taps_.count + tap + j] += sum[i][j];
  }

  const Convolution& conv_;
  Planes planes_;
  const real* framed_;  // the input
  Taps taps_;
  Vector *dweight_, *dbias_;
};

}  // namespace nn::kernels
