#include "tools/bench/multiplications.h"

#include "nn/kernels/convolution.h"

namespace bench {

namespace {

bool has_winograd(const LayerSize& layer) {
  const nn::index side = layer.stride * (layer.side - 1) + layer.window;
  const nn::kernels::Convolution conv{.n = 1,
                                      .channels = layer.in,
                                      .height = side,
                                      .width = side,
                                      .out = layer.out,
                                      .kh = layer.window,
                                      .kw = layer.window,
                                      .stride = layer.stride,
                                      .padding = 0};
  return nn::kernels::winograd_2x2_convolution3x3.fits(conv) ||
         nn::kernels::winograd_2x2_convolution5x5.fits(conv);
}

// With tiles of tile x tile outputs; tiles of one output are the formula.
double multiply_adds(const LayerSize& layer, nn::index tile) {
  const nn::index tiles = (layer.side + tile - 1) / tile, inner = tile + layer.window - 1;
  return static_cast<double>(tiles * tiles * inner * inner * layer.in * layer.out);
}

// Forwards in a test, or of either gradient.
double fewest(const LayerSize& layer) {
  return multiply_adds(layer, has_winograd(layer) ? 7 - layer.window : 1);
}

double forwards_in_training(const LayerSize& layer) {
  return multiply_adds(layer, has_winograd(layer) ? 2 : 1);
}

}  // namespace

double testing_flops(std::span<const LayerSize> layers) {
  double sum = 0;
  for (const LayerSize& layer : layers) sum += fewest(layer);
  return 2 * sum;
}

double training_flops(std::span<const LayerSize> layers) {
  double sum = -fewest(layers.front());  // the images need no gradient
  for (const LayerSize& layer : layers) sum += forwards_in_training(layer) + 2 * fewest(layer);
  return 2 * sum;
}

}  // namespace bench
