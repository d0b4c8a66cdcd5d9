#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "nn/arena.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/vector.h"
#include "nn/kernels/vector_math.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Convolution with 3x3 windows and stride 1, directly from the pixels.
//
// Planes are stored row by row, so the window at flat position p = y width + x covers the pixels
// p + ky width + kx, and a whole plane is convolved as one long row:
//
//   y[o, p] = sum over c, ky, kx of weight[o, c, ky, kx] x[c, p + ky width + kx]
//
// The windows at the last two positions of each row wrap around the edge; they are computed and
// discarded, 2 in `width`. In return, no position is special, and a tile of 4 outputs x 3 vectors
// stays in registers for the whole sum: per tap 3 loads, 4 broadcasts and 12 multiply-adds.
namespace nn::kernels {

namespace {

constexpr index outputs = 4, vectors = 3, tile = vectors * lanes;

// Planes with a frame of zeros, and a few more zeros after the last plane, so that vectors may read
// past its end.
struct Planes {
  index count, height, width;  // frame included
  static constexpr index slack = 2 * tile;
  index plane() const { return height * width; }
  index size() const { return count * plane() + slack; }
  index positions() const { return (height - 2) * width; }  // windows, including wrapped ones
};

index round_up(index value, index multiple) { return (value + multiple - 1) / multiple * multiple; }

// framed <- image [count, height - 2 frame, width - 2 frame] inside a frame of zeros.
void frame_planes(const real* image, const Planes& planes, index frame, real* framed) {
  const index width = planes.width - 2 * frame;
  for (index c = 0; c < planes.count; ++c)
    for (index y = 0; y < planes.height; ++y, framed += planes.width) {
      const bool is_frame = y < frame || y >= planes.height - frame;
      std::fill_n(framed, is_frame ? planes.width : frame, real(0));
      if (is_frame) continue;
      std::memcpy(framed + frame, image, width * sizeof(real));
      std::fill_n(framed + frame + width, frame, real(0));
      image += width;
    }
  std::fill_n(framed, Planes::slack, real(0));
}

// The weights [out, in, 3, 3] in order of use: [out / 4, in, 9, 4].
void pack_weights(const real* weight, index out, index in, real* packed) {
  for (index o = 0; o < out; o += outputs)
    for (index tap = 0; tap < in * 9; ++tap)
      for (index i = 0; i < outputs; ++i) *packed++ = weight[(o + i) * in * 9 + tap];
}

// The same for the backward pass, from out to in: [in / 4, out, 9 reversed, 4], padded with zeros.
void pack_flipped_weights(const real* weight, index out, index in, real* packed) {
  for (index c = 0; c < in; c += outputs)
    for (index o = 0; o < out; ++o)
      for (index tap = 8; tap >= 0; --tap)
        for (index i = c; i < c + outputs; ++i)
          *packed++ = i < in ? weight[(o * in + i) * 9 + tap] : 0;
}

index tiled_positions(const Planes& planes) { return round_up(planes.positions(), tile); }

// y[out, tiled positions] from framed planes; out is a multiple of 4.
void correlate(const real* x, const Planes& planes, const real* packed, index out, real* y) {
  const index positions = tiled_positions(planes);
  for (index p = 0; p < positions; p += tile)
    for (index o = 0; o < out; o += outputs) {
      const real* weight = packed + o * planes.count * 9;
      Vector sum[outputs][vectors] = {};
      for (index c = 0; c < planes.count; ++c)
        for (index ky = 0; ky < 3; ++ky)
          for (index kx = 0; kx < 3; ++kx, weight += outputs) {
            const real* pixels = x + c * planes.plane() + p + ky * planes.width + kx;
            const Vector in[vectors] = {load_once(pixels), load_once(pixels + lanes),
                                        load_once(pixels + 2 * lanes)};
            for (index i = 0; i < outputs; ++i)
              for (index v = 0; v < vectors; ++v) sum[i][v] += in[v] * weight[i];
          }
      for (index i = 0; i < outputs; ++i)
        std::memcpy(y + (o + i) * positions + p, sum[i], sizeof sum[i]);
    }
}

// dweight[out, in, ky, kx] += sum over p of dy[out, p] x[in, p + ky width + kx]. Rows of dy have
// the width of those of x, with zeros at the wrapped positions; planes are padded to whole vectors.
void correlate_gradient(const real* x, const Planes& planes, const real* dy, index out,
                        real* dweight) {
  const index positions = round_up(planes.positions(), lanes);
  for (index o = 0; o < out; o += outputs)
    for (index c = 0; c < planes.count; ++c)
      for (index ky = 0; ky < 3; ++ky) {
        const real* pixels = x + c * planes.plane() + ky * planes.width;
        Vector sum[outputs][3] = {};
        for (index p = 0; p < positions; p += lanes) {
          const Vector in[3] = {load_once(pixels + p), load_once(pixels + p + 1),
                                load_once(pixels + p + 2)};
          for (index i = 0; i < outputs; ++i) {
            const Vector gradient = load_once(dy + (o + i) * positions + p);
            for (index kx = 0; kx < 3; ++kx) sum[i][kx] += gradient * in[kx];
          }
        }
        for (index i = 0; i < outputs; ++i)
          for (index kx = 0; kx < 3; ++kx)
            dweight[((o + i) * planes.count + c) * 9 + ky * 3 + kx] += sum_of(sum[i][kx]);
      }
}

// x with the padding as its frame.
Planes framed_input(const Convolution& conv) {
  return {conv.channels, conv.height + 2 * conv.padding, conv.width + 2 * conv.padding};
}

// dy with a frame, so that its correlation covers all of dx.
Planes framed_gradient(const Convolution& conv) {
  const index frame = 2 - conv.padding;
  return {conv.out, conv.oh + 2 * frame, conv.ow + 2 * frame};
}

void forward(const Convolution& conv, const real* x, const real* weight, const real* bias, real* y,
             std::uint8_t*, Arena& arena) {
  const Planes planes = framed_input(conv);
  Scratch scratch(arena);
  real* packed = scratch.array<real>(conv.out * conv.patch_size());
  real* framed = scratch.array<real>(planes.size());
  real* sums = scratch.array<real>(conv.out * tiled_positions(planes));
  const real lowest = conv.epilogue == Epilogue::relu ? 0 : -std::numeric_limits<real>::infinity();
  pack_weights(weight, conv.out, conv.channels, packed);
  for (index i = 0; i < conv.n; ++i, x += conv.image_size()) {
    frame_planes(x, planes, conv.padding, framed);
    correlate(framed, planes, packed, conv.out, sums);
    for (index o = 0; o < conv.out; ++o)
      for (index oy = 0; oy < conv.oh; ++oy, y += conv.ow) {
        const real* row = sums + o * tiled_positions(planes) + oy * planes.width;
        for (index ox = 0; ox < conv.ow; ++ox) {
          const real output = row[ox] + bias[o];
          y[ox] = output < lowest ? lowest : output;  // NaN stays
        }
      }
  }
}

// dy of one image, row by row as wide as x in its frame.
void spread_rows(const Convolution& conv, const real* dy, index width, index positions,
                 real* spread) {
  for (index o = 0; o < conv.out; ++o, spread += positions)
    for (index oy = 0; oy < conv.oh; ++oy, dy += conv.ow)
      std::memcpy(spread + oy * width, dy, conv.ow * sizeof(real));
}

void add_gradients(const Convolution& conv, OutputGradient gradient, const real* x,
                   const real* weight, Gradients to, Arena& arena) {
  const Planes x_planes = framed_input(conv), dy_planes = framed_gradient(conv);
  const index positions = round_up(x_planes.positions(), lanes);
  const index channels = round_up(conv.channels, outputs);
  const index back_positions = tiled_positions(dy_planes);
  Scratch scratch(arena);
  real* packed = scratch.array<real>(conv.out * channels * 9);
  real* passed = scratch.array<real>(conv.y_size());
  real* framed = scratch.array<real>(std::max(x_planes.size(), dy_planes.size()));
  real* spread = scratch.array<real>(conv.out * positions);
  real* sums = scratch.array<real>(channels * back_positions);
  std::fill_n(spread, conv.out * positions, real(0));
  if (to.dx) pack_flipped_weights(weight, conv.out, conv.channels, packed);
  for (index i = 0; i < conv.n; ++i, gradient = gradient.next(conv)) {
    gradient.pass_relu(conv, passed);
    add_plane_sums(passed, conv.out, conv.positions(), to.dbias);
    spread_rows(conv, passed, x_planes.width, positions, spread);
    frame_planes(x + i * conv.image_size(), x_planes, conv.padding, framed);
    correlate_gradient(framed, x_planes, spread, conv.out, to.dweight);
    if (!to.dx) continue;
    frame_planes(passed, dy_planes, 2 - conv.padding, framed);
    correlate(framed, dy_planes, packed, channels, sums);
    for (index c = 0; c < conv.channels; ++c)
      for (index y = 0; y < conv.height; ++y, to.dx += conv.width) {
        const real* row = sums + c * back_positions + y * dy_planes.width;
        for (index column = 0; column < conv.width; ++column) to.dx[column] += row[column];
      }
  }
}

bool fits(const Convolution& conv) {
  return conv.kh == 3 && conv.kw == 3 && conv.stride == 1 && conv.padding <= 2 &&
         conv.out % outputs == 0 && conv.epilogue != Epilogue::relu_max_pool;
}

}  // namespace

const ConvolutionKernels direct_convolution3x3{fits, forward, add_gradients};

}  // namespace nn::kernels
