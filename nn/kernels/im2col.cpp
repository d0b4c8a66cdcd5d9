#include <algorithm>
#include <cstdint>

#include "nn/arena.h"
#include "nn/blas.h"
#include "nn/epilogue.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/vector_math.h"
#include "nn/real.h"
#include "nn/tensor.h"

namespace nn::kernels {

using blas::gemm, blas::Transpose;

namespace {

struct Patches : Convolution {
  // The columns [first, last) of an output row for which kernel column kx is inside the image.
  index first_inside(index kx) const { return first_column_at(padding - kx); }
  index last_inside(index kx) const { return first_column_at(width + padding - kx); }

  // The first output column whose window starts at `x` or later, counted from the edge of the
  // padding.
  index first_column_at(index x) const {
    return std::clamp<index>((x + stride - 1) / stride, 0, ow);
  }

  // Calls f(patch_row, image_row, first, last) for each row of `columns` that an output row
  // touches. image_row is null where the window lies in the padding above or below.
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

  // columns[channels * kh * kw, oh * ow]: each column is the patch for one output position, so that
  // the convolution becomes one matrix product ("im2col", Chellapilla et al. 2006).
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

  // The inverse: adds every patch element to the pixel it came from.
  void scatter_patches(const real* columns, real* image) const {
    each_row(image, [&](index at, real* target, index first, index last) {
      if (!target) return;
      const real* row = columns + at;
      for (index x = first; x < last; ++x) target[x * stride] += row[x];
    });
  }
};

void forward(const Convolution& conv, const real* x, const real* weight, const real* bias, real* y,
             std::uint8_t*, Arena& arena) {
  const index patch = conv.patch_size(), positions = conv.positions();
  Scratch scratch(arena);
  real* columns = scratch.array<real>(patch * positions);
  for (index i = 0; i < conv.n; ++i, x += conv.image_size(), y += conv.out * positions) {
    for (index o = 0; o < conv.out; ++o) std::fill_n(y + o * positions, positions, bias[o]);
    Patches{conv}.gather_patches(x, columns);
    gemm(Transpose::no, Transpose::no, conv.out, positions, patch, 1, weight, patch, columns,
         positions, 1, y, positions);
  }
}

void add_gradients(const Convolution& conv, OutputGradient gradient, const real* x,
                   const real* weight, Gradients to, Arena& arena) {
  const real* dy = gradient.dy;
  const index patch = conv.patch_size(), positions = conv.positions();
  Scratch scratch(arena);
  real* columns = scratch.array<real>(patch * positions);
  for (index i = 0; i < conv.n; ++i, x += conv.image_size(), dy += conv.out * positions) {
    add_plane_sums(dy, conv.out, positions, to.dbias);
    Patches{conv}.gather_patches(x, columns);
    gemm(Transpose::no, Transpose::yes, conv.out, patch, positions, 1, dy, positions, columns,
         positions, 1, to.dweight, patch);
    if (!to.dx) continue;
    gemm(Transpose::yes, Transpose::no, patch, positions, conv.out, 1, weight, patch, dy, positions,
         0, columns, positions);
    Patches{conv}.scatter_patches(columns, to.dx + i * conv.image_size());
  }
}

bool fits(const Convolution& conv) { return conv.epilogue == Epilogue::nothing; }

}  // namespace

const ConvolutionKernels im2col_convolution{fits, forward, add_gradients};

}  // namespace nn::kernels
