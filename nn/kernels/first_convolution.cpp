#include "nn/kernels/first_convolution.h"

#include <algorithm>

#include "nn/epilogue.h"
#include "nn/kernels/pooling.h"
#include "nn/kernels/small_product.h"
#include "nn/kernels/vector.h"
#include "nn/tensor.h"

namespace nn::kernels {

bool FirstConvolution::fits(const Convolution& conv) {
  return conv.epilogue == Epilogue::relu && conv.out % lanes == 0 && conv.positions() >= block_rows;
}

FirstConvolution::FirstConvolution(const Convolution& conv, const real* x, const real* weight,
                                   const real* bias, Arena& arena)
    : conv_(conv),
      x_(x),
      weight_(weight),
      arena_(arena),
      scratch_(arena),
      rows_((conv.patch_size() + block_rows) / block_rows * block_rows) {
  const auto zeros = [&](index size) {
    real* array = scratch_.array<real>(size);
    std::fill_n(array, size, real(0));
    return array;
  };
  patches_ = zeros(rows_ * conv.positions());
  std::fill_n(patches_ + conv.patch_size() * conv.positions(), conv.positions(), real(1));
  framed_ =
      zeros(conv.channels * (conv.height + 2 * conv.padding) * (conv.width + 2 * conv.padding));
  filters_ = zeros(rows_ * conv.out);
  transpose(weight, conv.out, conv.patch_size(), filters_);
  std::copy_n(bias, conv.out, filters_ + conv.patch_size() * conv.out);
  dfilters_ = zeros(rows_ * conv.out);
  pixels_ = scratch_.array<real>(conv.y_size());
  dpixels_ = scratch_.array<real>(conv.y_size());
}

real* FirstConvolution::framed_pixel(index c, index y, index x) const {
  return framed_ +
         (c * (conv_.height + 2 * conv_.padding) + y) * (conv_.width + 2 * conv_.padding) + x;
}

void FirstConvolution::read_patches(const real* image) {
  for (index c = 0; c < conv_.channels; ++c)
    for (index y = 0; y < conv_.height; ++y, image += conv_.width)
      std::copy_n(image, conv_.width, framed_pixel(c, conv_.padding + y, conv_.padding));
  real* to = patches_;
  for (index c = 0; c < conv_.channels; ++c)
    for (index ky = 0; ky < conv_.kh; ++ky)
      for (index kx = 0; kx < conv_.kw; ++kx)
        for (index y = 0; y < conv_.oh; ++y, to += conv_.ow) {
          const real* from = framed_pixel(c, y * conv_.stride + ky, kx);
          for (index x = 0; x < conv_.ow; ++x) to[x] = from[x * conv_.stride];
        }
}

const real* FirstConvolution::pixels(index i) {
  image_ = i;
  read_patches(x_ + i * conv_.image_size());
  for (index next = 0; next < conv_.positions(); next += block_rows) {
    // The last block repeats a few positions, so that it is whole.
    const index first = std::min(next, conv_.positions() - block_rows);
    real* outputs = pixels_ + first * conv_.out;
    multiply<false>(block_rows, conv_.out, rows_, patches_ + first, 1, conv_.positions(), filters_,
                    outputs);
    for (index o = 0; o < block_rows * conv_.out; o += lanes)
      store(outputs + o, relu(load(outputs + o)));
  }
  return pixels_;
}

real* FirstConvolution::clear_gradient() {
  std::fill_n(dpixels_, conv_.y_size(), real(0));
  return dpixels_;
}

void FirstConvolution::add_gradient(real* dx) {
  for (index k = 0; k < conv_.y_size(); ++k) dpixels_[k] = pixels_[k] > 0 ? dpixels_[k] : 0;
  multiply<true>(rows_, conv_.out, conv_.positions(), patches_, conv_.positions(), 1, dpixels_,
                 dfilters_);
  if (!dx) return;
  // Rarely needed, and therefore by another way, whose gradients of the filters are not used.
  Convolution one = conv_;
  one.n = 1, one.epilogue = Epilogue::nothing;
  transpose(dpixels_, conv_.positions(), conv_.out, pixels_);
  Scratch scratch(arena_);
  const index filters = conv_.out * conv_.patch_size();
  real* unused = scratch.array<real>(filters + conv_.out);
  std::fill_n(unused, filters + conv_.out, real(0));
  const index image = image_ * conv_.image_size();
  im2col_convolution.add_gradients(one, {pixels_, nullptr, nullptr}, x_ + image, weight_,
                                   {dx + image, unused, unused + filters}, arena_);
}

void FirstConvolution::add_to_weights(real* dweight, real* dbias) const {
  transpose<true>(dfilters_, conv_.patch_size(), conv_.out, dweight);
  const real* bias_row = dfilters_ + conv_.patch_size() * conv_.out;
  for (index o = 0; o < conv_.out; ++o) dbias[o] += bias_row[o];
}

}  // namespace nn::kernels
