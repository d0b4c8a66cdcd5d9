#pragma once

#include <algorithm>

#include "nn/arena.h"
#include "nn/kernels/interleaved_images.h"
#include "nn/kernels/vector.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Correlations of interleaved images with filters: sums over the pixels of a window that starts at
// each position.
namespace nn::kernels {

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
inline void correlate(const real* weight, const index* offsets, index taps,
                      const real* const (&starts)[tile_places], Tile& sum) {
  Tile total = {};
  for (index tap = 0; tap < taps; ++tap, weight += tile_outputs)
    add_products({weight[0], weight[1], weight[2]}, starts, offsets[tap], total);
  std::copy_n(&total[0][0], tile_outputs * tile_places, &sum[0][0]);
}

// How many whole steps of `step` it takes from 0 to `distance` or beyond.
inline index steps(index distance, index step) {
  return std::max<index>(0, (distance + step - 1) / step);
}

// The pixels [height, width] of a window that are used: every step-th from (y, x) on.
struct Window {
  index height, width, y = 0, x = 0, step = 1;
  index rows() const { return steps(height - y, step); }
  index columns() const { return steps(width - x, step); }
};

// What a window reads, row by row, so that its first and last rows can be left out.
struct Taps {
  index per_row, count;
  index* offsets;       // of each tap from the window's first pixel, in framed planes
  index* weight_index;  // the tap's place in a filter [count of planes, height, width]

  Taps(const Planes& planes, const Window& window, Scratch& scratch)
      : per_row(planes.count * window.columns()),
        count(window.rows() * per_row),
        offsets(scratch.array<index>(count)),
        weight_index(scratch.array<index>(count)) {
    index tap = 0;
    for (index ky = window.y; ky < window.height; ky += window.step)
      for (index c = 0; c < planes.count; ++c)
        for (index kx = window.x; kx < window.width; kx += window.step, ++tap) {
          offsets[tap] = (c * planes.plane() + ky * planes.row() + kx) * lanes;
          weight_index[tap] = (c * window.height + ky) * window.width + kx;
        }
  }
};

// A correlation of framed planes with `outputs` filters, at every stride-th pixel of every
// stride-th row, from (y, x) on.
class Correlation {
 public:
  // weight_of(output, place in its filter) gives the weights.
  template <class WeightOf>
  Correlation(const Planes& planes, index outputs, const Window& window, index stride, index y,
              index x, Scratch& scratch, WeightOf weight_of)
      : planes_(planes),
        outputs_(outputs),
        window_(window),
        stride_(stride),
        y_(y),
        x_(x),
        taps_(planes, window, scratch),
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
    return framed + ((y_ + stride_ * y) * planes_.row() + x_ + stride_ * x) * lanes;
  }

  // For outputs in the rows `top` to `bottom`. Rows of all four windows that lie in the frame are
  // left out.
  template <class Use>
  void correlate_tile(const real* const (&starts)[tile_places], index top, index bottom,
                      index place, Use use) const {
    const index above = planes_.frame_y - y_ - window_.y, below = above + planes_.height;
    const index last_row = std::min(window_.rows(), steps(below - stride_ * top, window_.step));
    const index first_row = std::min(last_row, steps(above - stride_ * bottom, window_.step));
    const index first = first_row * taps_.per_row, last = last_row * taps_.per_row;
    for (index o = 0; o < outputs_; o += tile_outputs) {
      Tile sum;
      correlate(packed_ + o * taps_.count + first * tile_outputs, taps_.offsets + first,
                last - first, starts, sum);
      for (index i = 0; i < std::min(tile_outputs, outputs_ - o); ++i) use(o + i, place, sum[i]);
    }
  }

  Planes planes_;
  index outputs_;
  Window window_;
  index stride_, y_, x_;
  Taps taps_;
  real* packed_;
};

}  // namespace nn::kernels
