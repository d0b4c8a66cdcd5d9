#include <limits>

#include "nn/blas.h"
#include "nn/ops.h"

namespace nn {

using blas::gemm, blas::no, blas::yes;

namespace {

// How many windows fit along one side.
index windows(index extent, index size, index stride, index padding) {
  return (extent + 2 * padding - size) / stride + 1;
}

// The geometry of one image's convolution: image [channels, height, width] to [out, oh, ow].
struct Convolution {
  index n, channels, height, width, out, kh, kw, stride, padding, oh, ow;

  index image_size() const { return channels * height * width; }
  index patch_size() const { return channels * kh * kw; }
  index positions() const { return oh * ow; }

  // The columns [first, last) of an output row whose window at kernel column kx is inside the
  // image.
  index first_inside(index kx) const { return first_column_at(padding - kx); }
  index last_inside(index kx) const { return first_column_at(width + padding - kx); }

  // The first output column whose window starts at `x` or later, counted from the padding's edge.
  index first_column_at(index x) const {
    return std::clamp<index>((x + stride - 1) / stride, 0, ow);
  }

  // Calls f(patch_row, image_row, first, last) for each row of `columns` that an output row
  // touches; image_row is null where the window lies in the padding above or below.
  template <class Pixel, class Function>
  void each_row(Pixel* image, Function f) const {
    index row = 0;
    for (index c = 0; c < channels; ++c)
      for (index ky = 0; ky < kh; ++ky)
        for (index kx = 0; kx < kw; ++kx, ++row)
          for (index oy = 0; oy < oh; ++oy) {
            const index y = oy * stride + ky - padding;
            const bool is_inside = y >= 0 && y < height;
            Pixel* source = is_inside ? image + (c * height + y) * width + kx - padding : nullptr;
            f(row * positions() + oy * ow, source, first_inside(kx), last_inside(kx));
          }
  }

  // columns[channels * kh * kw, oh * ow]: under each output position the patch it is computed from,
  // so that the convolution becomes one matrix product ("im2col", Chellapilla et al. 2006).
  void gather_patches(const real* image, real* columns) const {
    each_row(image, [&](index at, const real* source, index first, index last) {
      real* row = columns + at;
      if (!source) first = last = 0;
      std::fill_n(row, first, real(0));
      if (stride == 1)
        std::copy(source + first, source + last, row + first);
      else
        for (index x = first; x < last; ++x) row[x] = source[x * stride];
      std::fill(row + last, row + ow, real(0));
    });
  }

  // The way back: adds every patch element to the pixel it came from.
  void scatter_patches(const real* columns, real* image) const {
    each_row(image, [&](index at, real* target, index first, index last) {
      if (!target) return;
      const real* row = columns + at;
      for (index x = first; x < last; ++x) target[x * stride] += row[x];
    });
  }
};

struct Pooling {
  index planes, height, width, size, stride, oh, ow;
};

Pooling pooling(const char* name, Var x, index size, index stride) {
  const Shape& shape = x.shape();
  if (stride == 0) stride = size;
  require(shape.rank() == 4 && size > 0 && stride > 0 && size <= shape[2] && size <= shape[3], name,
          ": a window of ", size, " and stride ", stride, " does not fit ", shape);
  return {shape[0] * shape[1],
          shape[2],
          shape[3],
          size,
          stride,
          windows(shape[2], size, stride, 0),
          windows(shape[3], size, stride, 0)};
}

}  // namespace

// y[n, out, oh, ow] = sum over c, ky, kx of
//   x[n, c, oy stride + ky - padding, ox stride + kx - padding] weight[out, c, ky, kx] + bias[out]
// Image by image, so that the gathered patches stay in cache whatever the batch.
Var conv2d(Var x, Var weight, Var bias, index stride, index padding) {
  require(x.shape().rank() == 4 && weight.shape().rank() == 4 && weight.shape()[1] == x.shape()[1],
          "conv2d: input ", x.shape(), " does not fit weight ", weight.shape());
  Convolution conv{x.shape()[0],
                   x.shape()[1],
                   x.shape()[2],
                   x.shape()[3],
                   weight.shape()[0],
                   weight.shape()[2],
                   weight.shape()[3],
                   stride,
                   padding,
                   0,
                   0};
  require(stride > 0 && padding >= 0 && conv.kh > 0 && conv.kw > 0 &&
              conv.kh <= conv.height + 2 * padding && conv.kw <= conv.width + 2 * padding,
          "conv2d: weight ", weight.shape(), " with stride ", stride, " and padding ", padding,
          " does not fit input ", x.shape());
  require(bias.shape() == Shape{conv.out}, "conv2d: bias ", bias.shape(), " does not fit weight ",
          weight.shape());
  conv.oh = windows(conv.height, conv.kh, stride, padding);
  conv.ow = windows(conv.width, conv.kw, stride, padding);
  const index patch = conv.patch_size(), positions = conv.positions();
  const index out_size = conv.out * positions;

  Tape& tape = x.tape();
  Var y = tape.result({conv.n, conv.out, conv.oh, conv.ow}, x, weight, bias);
  {
    Scratch scratch(tape.arena());
    real* columns = scratch.array<real>(patch * positions);
    for (index i = 0; i < conv.n; ++i) {
      real* out = tape.writable(y).data + i * out_size;
      for (index o = 0; o < conv.out; ++o)
        std::fill_n(out + o * positions, positions, bias.value().data[o]);
      conv.gather_patches(x.value().data + i * conv.image_size(), columns);
      gemm(no, no, conv.out, positions, patch, 1, weight.value().data, patch, columns, positions, 1,
           out, positions);
    }
  }

  y.backward_to(x, [conv, weight = weight.value(), arena = &tape.arena()](ConstView dy, View dx) {
    const index patch = conv.patch_size(), positions = conv.positions();
    Scratch scratch(*arena);
    real* dcolumns = scratch.array<real>(patch * positions);
    for (index i = 0; i < conv.n; ++i) {
      gemm(yes, no, patch, positions, conv.out, 1, weight.data, patch,
           dy.data + i * conv.out * positions, positions, 0, dcolumns, positions);
      conv.scatter_patches(dcolumns, dx.data + i * conv.image_size());
    }
  });
  y.backward_to(weight, [conv, x = x.value(), arena = &tape.arena()](ConstView dy, View dweight) {
    const index patch = conv.patch_size(), positions = conv.positions();
    Scratch scratch(*arena);
    real* columns = scratch.array<real>(patch * positions);
    for (index i = 0; i < conv.n; ++i) {
      conv.gather_patches(x.data + i * conv.image_size(), columns);
      gemm(no, yes, conv.out, patch, positions, 1, dy.data + i * conv.out * positions, positions,
           columns, positions, 1, dweight.data, patch);
    }
  });
  y.backward_to(bias, [conv](ConstView dy, View dbias) {
    const real* plane = dy.data;
    for (index i = 0; i < conv.n; ++i)
      for (index o = 0; o < conv.out; ++o, plane += conv.positions()) {
        real sum = 0;
        for (index p = 0; p < conv.positions(); ++p) sum += plane[p];
        dbias.data[o] += sum;
      }
  });
  return y;
}

// y[n, c, oy, ox] = the largest x in its window; of equal ones the first, as PyTorch does.
Var max_pool2d(Var x, index size, index stride) {
  const Pooling pool = pooling("max_pool2d", x, size, stride);
  Tape& tape = x.tape();
  Var y = tape.result({x.shape()[0], x.shape()[1], pool.oh, pool.ow}, x);
  const std::span<std::int32_t> winners =
      tape.arena().allocate_array<std::int32_t>(y.value().size());

  // One output row at a time, all its windows side by side, so that the comparisons need no jumps.
  const real* in = x.value().data;
  real* best = tape.writable(y).data;
  std::int32_t* winner = winners.data();
  for (index plane = 0; plane < pool.planes; ++plane)
    for (index oy = 0; oy < pool.oh; ++oy, best += pool.ow, winner += pool.ow) {
      const index corner = (plane * pool.height + oy * pool.stride) * pool.width;
      for (index ky = 0; ky < pool.size; ++ky)
        for (index kx = 0; kx < pool.size; ++kx)
          for (index ox = 0; ox < pool.ow; ++ox) {
            const index candidate = corner + ky * pool.width + kx + ox * pool.stride;
            const real value = in[candidate];
            const bool wins = (ky == 0 && kx == 0) || value > best[ox] || value != value;
            best[ox] = wins ? value : best[ox];
            winner[ox] = wins ? static_cast<std::int32_t>(candidate) : winner[ox];
          }
    }
  y.backward_to(x, [winners](ConstView dy, View dx) {
    for (std::size_t i = 0; i < winners.size(); ++i) dx.data[winners[i]] += dy.data[i];
  });
  return y;
}

// y[n, c, oy, ox] = the mean of x over its window
Var average_pool2d(Var x, index size, index stride) {
  const Pooling pool = pooling("average_pool2d", x, size, stride);
  Var y = x.tape().result({x.shape()[0], x.shape()[1], pool.oh, pool.ow}, x);
  const real share = real(1) / static_cast<real>(size * size);

  // Calls f(output element, input element) for every pair of a window's place and a pixel in it.
  const auto each_pair = [pool](auto f) {
    index at = 0;
    for (index plane = 0; plane < pool.planes; ++plane)
      for (index oy = 0; oy < pool.oh; ++oy)
        for (index ox = 0; ox < pool.ow; ++ox, ++at)
          for (index ky = 0; ky < pool.size; ++ky)
            for (index kx = 0; kx < pool.size; ++kx)
              f(at,
                (plane * pool.height + oy * pool.stride + ky) * pool.width + ox * pool.stride + kx);
  };
  const View out = x.tape().writable(y);
  std::ranges::fill(out, real(0));
  each_pair([&](index o, index i) { out.data[o] += x.value().data[i] * share; });
  y.backward_to(x, [each_pair, share](ConstView dy, View dx) {
    each_pair([&](index o, index i) { dx.data[i] += dy.data[o] * share; });
  });
  return y;
}

}  // namespace nn
