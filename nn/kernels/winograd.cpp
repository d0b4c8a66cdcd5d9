#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "nn/arena.h"
#include "nn/kernels/convolution.h"
#include "nn/kernels/first_convolution.h"
#include "nn/kernels/vector.h"
#include "nn/kernels/winograd_factors.h"
#include "nn/kernels/winograd_image.h"
#include "nn/real.h"
#include "nn/tensor.h"

// Convolution with 3x3 or 5x5 windows and stride 1, image by image (nn/kernels/winograd_image.h).
// Images come from [channels, pixels], transposed to [pixels, channels] on the way in, and back on
// the way out, or from a FirstConvolution.
namespace nn::kernels {

namespace {

// Images x and their gradients, transposed to [pixels, channels] and back.
class TransposedImages {
 public:
  TransposedImages(const Convolution& conv, const real* x, Arena& arena)
      : conv_(conv), x_(x), scratch_(arena), pixels_(scratch_.array<real>(conv.image_size())) {}

  const real* pixels(index i) {
    image_ = i;
    transpose(x_ + i * conv_.image_size(), conv_.channels, conv_.height * conv_.width, pixels_);
    return pixels_;
  }
  real* clear_gradient() {
    std::fill_n(pixels_, conv_.image_size(), real(0));
    return pixels_;
  }
  void add_gradient(real* dx) {
    transpose<true>(pixels_, conv_.height * conv_.width, conv_.channels,
                    dx + image_ * conv_.image_size());
  }

 private:
  const Convolution& conv_;
  const real* x_;
  index image_ = 0;
  Scratch scratch_;
  real* pixels_;
};

template <index taps, class Factors>
bool fits(const Convolution& conv) {
  return conv.kh == taps && conv.kw == taps && conv.stride == 1 && Factors::fit(conv);
}

template <index size, index taps, class Factors, class Images>
void convolve(const Convolution& conv, Images&& images, Filters filters, real* y,
              std::uint8_t* argmax, Arena& arena) {
  winograd::Image<size, taps, Factors> image(conv, arena);
  image.read_weights(filters.weight, false);
  for (index i = 0; i < conv.n; ++i, y += conv.y_size()) {
    image.read_input(images.pixels(i));
    image.multiply_forward();
    image.write_output(filters.bias, y, argmax);
    if (argmax) argmax += conv.y_size();
  }
}

// Gradients use the largest tile. That costs a digit, too small to matter once lr scales dw.
template <index taps, class Factors, class Images>
void add_all_gradients(const Convolution& conv, OutputGradient gradient, Images& images,
                       const real* weight, bool needs_images, Gradients to, Arena& arena) {
  winograd::Image<7 - taps, taps, Factors> image(conv, arena);
  Scratch scratch(arena);
  real* passed = scratch.array<real>(conv.y_size());
  real* transformed_dweight = scratch.array<real>(image.weights_size());
  std::fill_n(transformed_dweight, image.weights_size(), real(0));
  if (needs_images) image.read_weights(weight, true);
  for (index i = 0; i < conv.n; ++i, gradient = gradient.next(conv)) {
    image.read_input(images.pixels(i));
    image.read_gradient(gradient, passed, to.dbias);
    image.multiply_weights(transformed_dweight);
    if (!needs_images) continue;
    image.multiply_back();
    image.add_to_input(images.clear_gradient());
    images.add_gradient(to.dx);
  }
  image.add_to_weights(transformed_dweight, to.dweight);
}

template <index size, index taps, class Factors>
void forward(const Convolution& conv, const real* x, const real* weight, const real* bias, real* y,
             std::uint8_t* argmax, Arena& arena) {
  convolve<size, taps, Factors>(conv, TransposedImages(conv, x, arena), {weight, bias}, y, argmax,
                                arena);
}

template <index taps, class Factors>
void add_gradients(const Convolution& conv, OutputGradient gradient, const real* x,
                   const real* weight, Gradients to, Arena& arena) {
  TransposedImages images(conv, x, arena);
  add_all_gradients<taps, Factors>(conv, gradient, images, weight, to.dx, to, arena);
}

template <index size, index taps, class Factors = winograd::RealFactors>
constexpr ConvolutionKernels kernels{fits<taps, Factors>, forward<size, taps, Factors>,
                                     add_gradients<taps, Factors>};

template <class Factors>
bool pair_fits(const ConvolutionPair& pair) {
  return FirstConvolution::fits(pair.first) && fits<3, Factors>(pair.second);
}

template <index size, class Factors>
void pair_forward(const ConvolutionPair& pair, const real* x, Filters first, Filters second,
                  real* y, std::uint8_t* argmax, Arena& arena) {
  FirstConvolution images(pair.first, x, first.weight, first.bias, arena);
  convolve<size, 3, Factors>(pair.second, images, second, y, argmax, arena);
}

template <class Factors>
void add_pair_gradients(const ConvolutionPair& pair, OutputGradient gradient, const real* x,
                        Filters first, Filters second, Gradients of_first, Gradients of_second,
                        Arena& arena) {
  FirstConvolution images(pair.first, x, first.weight, first.bias, arena);
  of_second.dx = of_first.dx;
  add_all_gradients<3, Factors>(pair.second, gradient, images, second.weight, true, of_second,
                                arena);
  images.add_to_weights(of_first.dweight, of_first.dbias);
}

template <index size, class Factors = winograd::RealFactors>
constexpr ConvolutionPairKernels pair_kernels{pair_fits<Factors>, pair_forward<size, Factors>,
                                              add_pair_gradients<Factors>};

// An engine in double has no bfloat16.
struct NoFactors : winograd::RealFactors {
  using RealFactors::RealFactors;
  static bool fit(const Convolution&) { return false; }
};
using Bf16Factors =
    std::conditional_t<sizeof(real) == sizeof(float), winograd::Bf16Factors, NoFactors>;

}  // namespace

const ConvolutionKernels winograd_2x2_convolution3x3 = kernels<2, 3>;
const ConvolutionKernels winograd_4x4_convolution3x3 = kernels<4, 3>;
const ConvolutionKernels winograd_2x2_convolution5x5 = kernels<2, 5>;
const ConvolutionKernels bf16_winograd_4x4_convolution3x3 = kernels<4, 3, Bf16Factors>;
const ConvolutionKernels bf16_winograd_2x2_convolution5x5 = kernels<2, 5, Bf16Factors>;
const ConvolutionPairKernels winograd_2x2_pair = pair_kernels<2>;
const ConvolutionPairKernels winograd_4x4_pair = pair_kernels<4>;
const ConvolutionPairKernels bf16_winograd_4x4_pair = pair_kernels<4, Bf16Factors>;

}  // namespace nn::kernels
