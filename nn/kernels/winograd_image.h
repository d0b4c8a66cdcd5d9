#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/arena.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/pooling.h"
#include "nn/kernels/small_product.h"
#include "nn/kernels/vector.h"
#include "nn/kernels/winograd.h"
#include "nn/kernels/winograd_tiles.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Convolution with 3x3 or 5x5 windows and stride 1 as small matrix products, one for each place in
// a tile. For one image, with its tiles as rows and its channels as columns:
//
//   V[place] = transformed inputs   [tiles, channels]       from x
//   M[place] = V[place] U[place]    [tiles, out]            to y      U: transformed weights
//   dU[place] += V[place]^T dM[place]                       to dweight
//   dV[place] = dM[place] U[place]^T                        to dx
//
// A vector holds adjacent channels, so a transform works on vectors as it would on numbers. Images
// have their channels last, outputs their channels first.
namespace nn::kernels::winograd {

// The working memory for one image, reused for all images, and the steps on it.
template <index size, index taps, class Factors>
class Image {
  using Number = typename Factors::Number;
  static constexpr index inner = Tiles<size, taps>::inner, places = Tiles<size, taps>::places;

 public:
  Image(const Convolution& conv, Arena& arena)
      : conv_(conv),
        tiles_(conv),
        scratch_(arena),
        factors_(conv, tiles_.count(), scratch_),
        weights_(scratch_.array<Number>(weights_size())),
        inputs_(scratch_.array<Number>(places * place_size(conv.channels))),
        gradients_(scratch_.array<Number>(places * place_size(conv.out))),
        sums_(scratch_.array<real>(places * place_size(std::max(conv.channels, conv.out)))),
        results_(scratch_.array<real>(conv.y_size())),
        nothing_(scratch_.array<real>(conv.channels)) {
    std::fill_n(nothing_, conv.channels, real(0));
  }

  // U, or its transpose if `is_back`; each matrix is [from, to]. A vector holds the filters to
  // adjacent channels.
  void read_weights(const real* weight, bool is_back) {
    constexpr index filter = taps * taps;
    const index from = is_back ? conv_.out : conv_.channels,
                to = is_back ? conv_.channels : conv_.out,
                from_step = is_back ? conv_.channels * filter : filter,
                to_step = is_back ? filter : conv_.channels * filter;
    for (index i = 0; i < from; ++i)
      for (index j = 0; j < to; j += lanes) {
        Vector filters[filter], transformed[places];
        for (index k = 0; k < filter; ++k)
          for (index lane = 0; lane < lanes; ++lane)
            filters[k][lane] = weight[i * from_step + (j + lane) * to_step + k];
        transform<to_filter<inner, taps>>(filters, transformed);
        for (index k = 0; k < places; ++k)
          Factors::put_right(weights_ + k * matrix_size(), i, j, to, transformed[k]);
      }
  }

  // V from an image [pixels, channels]
  void read_input(const real* image) {
    tiles_.each([&](index tile, index oy, index ox) {
      const real* from[places];
      tiles_.each_pixel(image, oy, ox,
                        [&](index k, const real* pixel) { from[k] = pixel ? pixel : nothing_; });
      for (index c = 0; c < conv_.channels; c += lanes) {
        Vector pixels[places], transformed[places];
#pragma GCC unroll 36
        for (index k = 0; k < places; ++k) pixels[k] = load(from[k] + c);
        transform<to_input<inner>>(pixels, transformed);
        put(inputs_, conv_.channels, tile, c, transformed);
      }
    });
  }

  // y [out, yh, yw] from M
  void write_output(const real* bias, real* y, std::uint8_t* argmax) {
    tiles_.each([&](index tile, index oy, index ox) {
      for (index o = 0; o < conv_.out; o += lanes) {
        Vector products[places], outputs[size * size];
        get(conv_.out, tile, o, products);
        transform<to_output<inner, size>>(products, outputs);
        for (Vector& output : outputs) output += load(bias + o);
        if (conv_.pools())
          pool_windows(outputs, oy, ox, o, argmax);
        else
          tiles_.each_output(oy, ox, [&](index k, index at) {
            store(results_ + at * conv_.out + o, finish(outputs[k]));
          });
      }
    });
    transpose(results_, conv_.yh * conv_.yw, conv_.out, y);
  }

  // dM from dy: the reverse of write_output(). dbias [out] += the sums of what passed the ReLU.
  void read_gradient(const OutputGradient& gradient, real* passed, real* dbias) {
    gradient.pass_relu(conv_, passed);
    transpose(passed, conv_.out, conv_.yh * conv_.yw, results_);
    for (index o = 0; o < conv_.out; o += lanes) {
      Vector sum = {};
      for (index i = 0; i < conv_.yh * conv_.yw; ++i) sum += load(results_ + i * conv_.out + o);
      store(dbias + o, load(dbias + o) + sum);
    }
    tiles_.each([&](index tile, index oy, index ox) {
      for (index o = 0; o < conv_.out; o += lanes) {
        Vector outputs[size * size] = {}, products[places];
        if (conv_.pools())
          unpool_windows(outputs, oy, ox, o, gradient.argmax);
        else
          tiles_.each_output(
              oy, ox, [&](index k, index at) { outputs[k] = load(results_ + at * conv_.out + o); });
        transform<output_back<inner, size>>(outputs, products);
        put(gradients_, conv_.out, tile, o, products);
      }
    });
  }

  // The image's gradient [pixels, channels] += the transform of dV
  void add_to_input(real* gradient) {
    tiles_.each([&](index tile, index oy, index ox) {
      real* to[places];
      tiles_.each_pixel(gradient, oy, ox, [&](index k, real* pixel) { to[k] = pixel; });
      for (index c = 0; c < conv_.channels; c += lanes) {
        Vector transformed[places], pixels[places];
        get(conv_.channels, tile, c, transformed);
        transform<input_back<inner>>(transformed, pixels);
#pragma GCC unroll 36
        for (index k = 0; k < places; ++k)
          if (to[k]) store(to[k] + c, load(to[k] + c) + pixels[k]);
      }
    });
  }

  // dweight [out, channels, taps, taps] += the transform of dU
  void add_to_weights(const real* gradients, real* dweight) const {
    for (index c = 0; c < conv_.channels; ++c)
      for (index o = 0; o < conv_.out; o += lanes) {
        Vector transformed[places], filters[taps * taps];
        for (index k = 0; k < places; ++k)
          transformed[k] = load(gradients + k * matrix_size() + c * conv_.out + o);
        transform<filter_back<inner, taps>>(transformed, filters);
        for (index lane = 0; lane < lanes; ++lane)
          for (index k = 0; k < taps * taps; ++k)
            dweight[((o + lane) * conv_.channels + c) * taps * taps + k] += filters[k][lane];
      }
  }

  void multiply_forward() {
    for (index k = 0; k < places; ++k)
      factors_.multiply(rows(), conv_.out, conv_.channels, input(k), weight(k),
                        sums_ + k * place_size(conv_.out));
  }
  void multiply_back() {
    for (index k = 0; k < places; ++k)
      factors_.multiply(rows(), conv_.channels, conv_.out, gradient(k), weight(k),
                        sums_ + k * place_size(conv_.channels));
  }
  void multiply_weights(real* dweights) {
    for (index k = 0; k < places; ++k)
      factors_.multiply_tiles(conv_.channels, conv_.out, tiles_.count(), input(k), gradient(k),
                              dweights + k * matrix_size());
  }

  // Of U or dU
  index weights_size() const { return places * matrix_size(); }

 private:
  // Tiles, rounded up to whole blocks of rows. The surplus is computed and ignored.
  index rows() const { return (tiles_.count() + block_rows - 1) / block_rows * block_rows; }
  // The sizes of one place's matrices, plus a vector so that places do not share cache sets.
  index place_size(index columns) const { return rows() * columns + lanes; }
  index matrix_size() const { return conv_.channels * conv_.out + lanes; }

  // The matrices of a place: U, V, dM.
  const Number* weight(index place) const { return weights_ + place * matrix_size(); }
  const Number* input(index place) const { return inputs_ + place * place_size(conv_.channels); }
  const Number* gradient(index place) const { return gradients_ + place * place_size(conv_.out); }

  void put(Number* matrices, index columns, index tile, index column,
           const Vector (&values)[places]) {
    Number* to = matrices + tile * columns + column;
#pragma GCC unroll 36
    for (index k = 0; k < places; ++k) Factors::put(to + k * place_size(columns), values[k]);
  }
  void get(index columns, index tile, index column, Vector (&values)[places]) const {
    const real* from = sums_ + tile * columns + column;
#pragma GCC unroll 36
    for (index k = 0; k < places; ++k) values[k] = load(from + k * place_size(columns));
  }

  Vector finish(Vector output) const {
    return conv_.epilogue == Epilogue::nothing ? output : relu(output);
  }

  // The maximum of every window, then a ReLU.
  void pool_windows(const Vector (&outputs)[size * size], index oy, index ox, index o,
                    std::uint8_t* argmax) {
    tiles_.each_window(oy, ox, [&](index window, index corner) {
      const Vector four[] = {outputs[corner], outputs[corner + 1], outputs[corner + size],
                             outputs[corner + size + 1]};
      const index at = window * conv_.out + o;
      store(results_ + at, relu(pool(four, argmax ? argmax + at : nullptr)));
    });
  }

  // Passes the gradient of every window to the pixel that won.
  void unpool_windows(Vector (&outputs)[size * size], index oy, index ox, index o,
                      const std::uint8_t* argmax) {
    tiles_.each_window(oy, ox, [&](index window, index corner) {
      const index at = window * conv_.out + o;
      for (int q = 0; q < 4; ++q)
        outputs[corner + q / 2 * size + q % 2] = unpool(load(results_ + at), argmax + at, q);
    });
  }

  const Convolution& conv_;
  Tiles<size, taps> tiles_;
  Scratch scratch_;
  Factors factors_;
  Number *weights_, *inputs_, *gradients_;  // U, V, dM
  real* sums_;                              // M or dV
  real *results_, *nothing_;
};

}  // namespace nn::kernels::winograd
