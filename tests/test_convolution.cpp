#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nn/kernels/convolution.h"
#include "nn/random.h"

namespace {

using nn::index, nn::real;
using nn::kernels::Convolution, nn::kernels::ConvolutionKernels;

std::vector<real> random_values(index count, std::uint64_t seed) {
  std::vector<real> values(count);
  nn::Generator(seed).uniform(values, -1, 1);
  return values;
}

// Everything that the kernels compute for one convolution, one after the other. The gradients start
// from numbers that must still be in them.
std::vector<real> results(const ConvolutionKernels& kernels, const Convolution& conv) {
  const auto x = random_values(conv.n * conv.image_size(), 1);
  const auto weight = random_values(conv.out * conv.patch_size(), 2);
  const auto bias = random_values(conv.out, 3);
  const auto dy = random_values(conv.n * conv.out * conv.positions(), 4);
  nn::Arena arena;
  std::vector<real> y(dy.size()), dx = random_values(x.size(), 5),
                                  dweight = random_values(weight.size(), 6);
  kernels.forward(conv, x.data(), weight.data(), bias.data(), y.data(), arena);
  kernels.add_dx(conv, dy.data(), weight.data(), dx.data(), arena);
  kernels.add_dweight(conv, dy.data(), x.data(), dweight.data(), arena);
  y.insert(y.end(), dx.begin(), dx.end());
  y.insert(y.end(), dweight.begin(), dweight.end());
  return y;
}

}  // namespace

TEST_CASE("the direct 3x3 convolution equals its plain twin over odd shapes") {
  for (index channels : {4, 8, 12})
    for (index out : {4, 16})
      for (index height : {1, 3, 4, 7, 26})
        for (index width : {1, 3, 5, 25, 26, 33})
          for (index padding : {0, 1, 2}) {
            if (height + 2 * padding < 3 || width + 2 * padding < 3) continue;
            const Convolution conv{2, channels, height, width, out, 3, 3, 1, padding};
            REQUIRE(nn::kernels::fits_direct3x3(conv));
            const auto direct = results(nn::kernels::direct_convolution3x3, conv);
            const auto plain = results(nn::kernels::im2col_convolution, conv);
            double largest = 0;
            for (std::size_t i = 0; i < plain.size(); ++i)
              largest = std::max(largest, std::abs(static_cast<double>(direct[i]) - plain[i]) /
                                              (1 + std::abs(static_cast<double>(plain[i]))));
            CAPTURE(nn::Shape({channels, out, height, width}));
            CAPTURE(padding);
            CHECK(largest < (sizeof(real) == 4 ? 2e-5 : 1e-13));
          }
}

TEST_CASE("only 3x3 windows of stride 1 with channels in fours are computed directly") {
  const Convolution fits{1, 32, 26, 26, 64, 3, 3, 1, 0};
  CHECK(nn::kernels::fits_direct3x3(fits));
  CHECK_FALSE(nn::kernels::fits_direct3x3({1, 32, 26, 26, 64, 5, 5, 1, 0}));
  CHECK_FALSE(nn::kernels::fits_direct3x3({1, 32, 26, 26, 64, 3, 3, 2, 0}));
  CHECK_FALSE(nn::kernels::fits_direct3x3({1, 1, 26, 26, 64, 3, 3, 1, 0}));
  CHECK_FALSE(nn::kernels::fits_direct3x3({1, 32, 26, 26, 63, 3, 3, 1, 0}));
}
