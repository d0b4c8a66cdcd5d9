#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "nn/kernels/bf16_products.h"
#include "nn/kernels/convolution.h"
#include "nn/ops.h"
#include "nn/random.h"
#include "tests/nn/numbers.h"

namespace {

using nn::Epilogue, nn::kernels::Convolution, nn::kernels::ConvolutionKernels;
using nn::index, nn::real;
using tests::random_values;

// All results of one way to convolve, joined: y and, for a random gradient of y, the gradients of
// x, weight and bias.
struct Results {
  std::vector<real> values;
  void add(nn::ConstView view) { values.insert(values.end(), view.begin(), view.end()); }
};

Convolution without_epilogue(Convolution conv) {
  conv.epilogue = Epilogue::nothing, conv.yh = conv.oh, conv.yw = conv.ow;
  return conv;
}

// By the plain twins: the outputs, before relu and pooling.
std::vector<real> plain_outputs(const Convolution& conv) {
  const auto x = random_values(conv.n * conv.image_size(), 1);
  const auto weight = random_values(conv.out * conv.patch_size(), 2);
  const auto bias = random_values(conv.out, 3);
  const Convolution plain = without_epilogue(conv);
  nn::Arena arena;
  std::vector<real> outputs(conv.n * plain.y_size());
  nn::kernels::im2col_convolution.forward(plain, x.data(), weight.data(), bias.data(),
                                          outputs.data(), nullptr, arena);
  return outputs;
}

// A random gradient of y. It is 0 where rounding decides which output relu and pooling pass on.
std::vector<real> gradient_of_y(const Convolution& conv) {
  constexpr real near = 2e-3;
  std::vector<real> dy = random_values(conv.n * conv.y_size(), 4);
  if (conv.epilogue == Epilogue::nothing) return dy;
  const std::vector<real> outputs = plain_outputs(conv);
  const index size = conv.epilogue == Epilogue::relu_max_pool ? 2 : 1;
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const index at = static_cast<index>(i), plane = at / (conv.yh * conv.yw),
                row = at / conv.yw % conv.yh * size, column = at % conv.yw * size;
    std::vector<real> window{0};
    for (index r = row; r < row + size; ++r)
      for (index c = column; c < column + size; ++c)
        window.push_back(outputs[(plane * conv.oh + r) * conv.ow + c]);
    std::ranges::sort(window, std::ranges::greater());
    if (window[0] - window[1] < near) dy[i] = 0;
  }
  return dy;
}

// By the kernels, with gradients added to numbers that are already there.
Results by_kernels(const ConvolutionKernels& kernels, const Convolution& conv) {
  const auto x = random_values(conv.n * conv.image_size(), 1);
  const auto weight = random_values(conv.out * conv.patch_size(), 2);
  const auto bias = random_values(conv.out, 3);
  const auto dy = gradient_of_y(conv);
  nn::Arena arena;
  std::vector<real> y(dy.size()), dx = random_values(x.size(), 5),
                                  dweight = random_values(weight.size(), 6), dbias(conv.out, 7);
  std::vector<std::uint8_t> argmax(conv.argmax_size());
  kernels.forward(conv, x.data(), weight.data(), bias.data(), y.data(), argmax.data(), arena);
  const nn::kernels::OutputGradient gradient{dy.data(), y.data(), argmax.data()};
  kernels.add_gradients(conv, gradient, x.data(), weight.data(),
                        {dx.data(), dweight.data(), dbias.data()}, arena);
  y.insert(y.end(), dx.begin(), dx.end());
  y.insert(y.end(), dweight.begin(), dweight.end());
  y.insert(y.end(), dbias.begin(), dbias.end());
  return {y};
}

// By the plain twins: patches in a matrix, then relu, then pooling, as separate ops.
Results by_plain_ops(const Convolution& conv) {
  const auto x = random_values(conv.n * conv.image_size(), 1);
  const auto weight = random_values(conv.out * conv.patch_size(), 2);
  const auto dy = gradient_of_y(conv);
  const Convolution plain = without_epilogue(conv);

  nn::Arena arena;
  const std::vector<real> outputs = plain_outputs(conv);
  const auto& kernels = nn::kernels::im2col_convolution;
  nn::Tape tape;
  const nn::Var output = tape.input({outputs.data(), {conv.n, conv.out, conv.oh, conv.ow}});
  nn::Var y = conv.epilogue == Epilogue::nothing ? output : relu(output);
  if (conv.epilogue == Epilogue::relu_max_pool) y = max_pool2d(y, 2);
  tape.backward_data(y, {dy.data(), y.shape()});

  std::vector<real> dx = random_values(x.size(), 5), dweight = random_values(weight.size(), 6),
                    dbias(conv.out, 7);
  kernels.add_gradients(plain, {output.gradient().data, nullptr, nullptr}, x.data(), weight.data(),
                        {dx.data(), dweight.data(), dbias.data()}, arena);
  Results results;
  results.add(y.value());
  for (const auto* gradient : {&dx, &dweight, &dbias})
    results.values.insert(results.values.end(), gradient->begin(), gradient->end());
  return results;
}

double largest_relative_difference(const std::vector<real>& a, const std::vector<real>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i], y = b[i];
    largest = std::max(largest, std::isfinite(x) ? std::abs(x - y) / (1 + std::abs(y)) : 1e9);
  }
  return largest;
}

// The largest of y, dx and dweight: the root of the mean square of the differences, relative to
// that of the numbers.
double largest_relative_error(const Convolution& conv, std::span<const real> a,
                              std::span<const real> b) {
  double largest = 0;
  for (const index size :
       {conv.n * conv.y_size(), conv.n * conv.image_size(), conv.out * conv.patch_size()}) {
    double error = 0, square = 0;
    for (index i = 0; i < size; ++i) {
      error += std::pow(a[i] - b[i], 2);
      square += std::pow(b[i], 2);
    }
    largest = std::max(largest, std::sqrt(error / square));
    a = a.subspan(size), b = b.subspan(size);
  }
  return largest;
}

struct Window {
  index height, width;
};

// Over odd shapes; `tolerance` of float, of the size of the largest sums.
void check_equals_plain_twin(const ConvolutionKernels& kernels, Window window,
                             const std::vector<index>& channel_counts,
                             const std::vector<index>& output_counts, double tolerance,
                             index n = 2) {
  int checked = 0;
  for (index channels : channel_counts)
    for (index out : output_counts)
      for (index height : {1, 3, 4, 7, 26})
        for (index width : {1, 3, 5, 25, 26, 33})
          for (index padding : {0, 1, 2})
            for (index stride : {1, 2, 3})
              for (Epilogue epilogue :
                   {Epilogue::nothing, Epilogue::relu, Epilogue::relu_max_pool}) {
                // At least 2x2 outputs, so that there is something to pool.
                if (height + 2 * padding < window.height + stride ||
                    width + 2 * padding < window.width + stride)
                  continue;
                const Convolution conv{n,       channels,      height,       width,
                                       out,     window.height, window.width, stride,
                                       padding, epilogue};
                if (!kernels.fits(conv)) continue;
                ++checked;
                CAPTURE(nn::Shape({channels, out, height, width}));
                CAPTURE(padding);
                CAPTURE(stride);
                CAPTURE(static_cast<int>(epilogue));
                CHECK(largest_relative_difference(by_kernels(kernels, conv).values,
                                                  by_plain_ops(conv).values) <
                      (sizeof(real) == 4 ? tolerance : 1e-12));
              }
  CHECK(checked > 0);
}

}  // namespace

TEST_CASE("the direct 3x3 convolution equals its plain twin over odd shapes") {
  check_equals_plain_twin(nn::kernels::direct_convolution3x3, {3, 3}, {1, 4, 6}, {4, 16}, 2e-5);
}

TEST_CASE("Winograd's convolution equals its plain twin over odd shapes") {
  check_equals_plain_twin(nn::kernels::winograd_2x2_convolution3x3, {3, 3}, {16, 48}, {16, 32},
                          1e-4);
  check_equals_plain_twin(nn::kernels::winograd_4x4_convolution3x3, {3, 3}, {16, 48}, {16, 32},
                          2e-4);
  check_equals_plain_twin(nn::kernels::winograd_2x2_convolution5x5, {5, 5}, {16}, {16}, 5e-4);
}

TEST_CASE("Winograd's convolution in bfloat16 has its twin's bits, and nearly float's results") {
  if (sizeof(real) != sizeof(float)) return;
  for (const auto& [kernels, window] :
       {std::pair(&nn::kernels::bf16_winograd_4x4_convolution3x3, 3),
        {&nn::kernels::bf16_winograd_2x2_convolution5x5, 5}})
    for (const auto& [height, width, padding] :
         {std::tuple(7, 5, 0), {6, 11, 1}, {12, 9, 2}, {5, 33, 0}, {6, 6, 0}})
      for (const auto& [channels, out, epilogue] : {std::tuple(16, 48, Epilogue::nothing),
                                                    {48, 16, Epilogue::relu},
                                                    {16, 80, Epilogue::relu_max_pool},
                                                    {80, 16, Epilogue::nothing}}) {
        Convolution conv{3, channels, height, width, out, window, window, 1, padding, epilogue};
        conv.precision = nn::Precision::bf16_plain;
        REQUIRE(kernels->fits(conv));
        CAPTURE(nn::Shape({window, height, width, padding}));
        const std::vector<real> plain = by_kernels(*kernels, conv).values;
        conv.precision = nn::Precision::bf16;
        if (nn::kernels::has_bf16()) CHECK(by_kernels(*kernels, conv).values == plain);
        if (epilogue == Epilogue::nothing)  // the others round to another side of 0
          CHECK(largest_relative_error(conv, plain, by_plain_ops(conv).values) < 0.03);
      }
}

TEST_CASE("conv2d and its gradients are computed in the tape's precision") {
  if (sizeof(real) != sizeof(float)) return;
  const Convolution conv{2, 16, 9, 10, 32, 3, 3, 1, 1};
  const auto x = random_values(conv.n * conv.image_size(), 1),
             weight = random_values(conv.out * conv.patch_size(), 2),
             bias = random_values(conv.out, 3), dy = random_values(conv.n * conv.y_size(), 4);
  const auto results_in = [&](nn::Precision precision) {
    nn::Tape tape;
    tape.set_precision(precision);
    const nn::Var image = tape.input({x.data(), {conv.n, conv.channels, conv.height, conv.width}}),
                  filter = tape.input({weight.data(), {conv.out, conv.channels, 3, 3}});
    const nn::Var y = conv2d(image, filter, tape.input({bias.data(), {conv.out}}), 1, 1);
    tape.backward_data(y, {dy.data(), y.shape()});
    Results results;
    for (const nn::ConstView view : {y.value(), image.gradient(), filter.gradient()})
      results.add(view);
    return results.values;
  };
  const auto exact = results_in(nn::Precision::full), plain = results_in(nn::Precision::bf16_plain);
  CHECK(plain != exact);
  CHECK(largest_relative_error(conv, plain, exact) < 0.03);
  if (nn::kernels::has_bf16()) CHECK(results_in(nn::Precision::bf16) == plain);
}

TEST_CASE("the interleaved convolution equals its plain twin over odd shapes") {
  for (const Window window : {Window{5, 5}, {3, 3}, {1, 4}, {2, 1}, {7, 3}})
    for (const nn::index channels : {1, 4})
      check_equals_plain_twin(nn::kernels::interleaved_convolution, window, {channels},
                              {channels + 2}, 5e-5, nn::kernels::lanes);
}

TEST_CASE("the interleaved convolution accepts any number of images, but not a few") {
  for (const nn::index n : {9, 15, 16, 17, 33})
    check_equals_plain_twin(nn::kernels::interleaved_convolution, {5, 4}, {3}, {5}, 1e-4, n);
  const Convolution few{nn::kernels::lanes / 2 - 1, 3, 9, 9, 5, 5, 4, 1, 0};
  CHECK_FALSE(nn::kernels::interleaved_convolution.fits(few));
}

TEST_CASE("the interleaved convolution takes strides longer than the image") {
  for (const auto& [height, width, stride] : {std::tuple(2, 9, 3), {9, 2, 4}, {2, 3, 5}}) {
    const Convolution conv{nn::kernels::lanes, 2, height, width, 5, 2, 3, stride, 1};
    REQUIRE(nn::kernels::interleaved_convolution.fits(conv));
    CAPTURE(nn::Shape({height, width, stride}));
    CHECK(largest_relative_difference(by_kernels(nn::kernels::interleaved_convolution, conv).values,
                                      by_plain_ops(conv).values) <
          (sizeof(real) == 4 ? 5e-5 : 1e-12));
  }
}

TEST_CASE("two convolutions at once equal two convolutions, over odd shapes") {
  for (const nn::index channels : {1, 3})
    for (const nn::index out : {16, 32})
      for (const nn::index height : {5, 6, 28})
        for (const nn::index width : {7, 9, 28})
          for (Epilogue epilogue : {Epilogue::nothing, Epilogue::relu, Epilogue::relu_max_pool}) {
            CAPTURE(nn::Shape({channels, out, height, width}));
            CAPTURE(static_cast<int>(epilogue));
            nn::Parameters weights;
            int number = 0;
            for (const nn::Shape& shape :
                 {nn::Shape{3, channels, height, width}, nn::Shape{16, channels, 3, 3},
                  nn::Shape{16}, nn::Shape{out, 16, 3, 3}, nn::Shape{out}}) {
              const nn::View value = weights.value(weights.add(std::to_string(++number), shape));
              std::ranges::copy(random_values(value.size(), number), value.begin());
            }
            const auto results = [&](bool at_once, nn::Precision precision) {
              nn::Tape tape;
              tape.set_precision(precision);
              std::vector<nn::Var> v;
              for (int i = 0; i < 5; ++i) v.push_back(tape.parameter({&weights, i}));
              weights.zero_gradients();
              const nn::Var y = at_once ? conv2d_twice(v[0], {v[1], v[2]}, {v[3], v[4]}, epilogue)
                                        : conv2d(conv2d(v[0], v[1], v[2], 1, 0, Epilogue::relu),
                                                 v[3], v[4], 1, 0, epilogue);
              const auto dy = random_values(y.value().size(), 6);
              tape.backward_data(y, {dy.data(), y.shape()});
              tape.backward_weights();
              Results all;
              all.add(y.value());
              for (const nn::Var& var : v) all.add(var.gradient());
              return all.values;
            };
            const nn::Precision full = nn::Precision::full, plain = nn::Precision::bf16_plain;
            CHECK(largest_relative_difference(results(true, full), results(false, full)) <
                  (sizeof(real) == 4 ? 1e-4 : 1e-12));
            if (sizeof(real) != 4 || height == 28) continue;
            if (epilogue == Epilogue::nothing)  // pools may be empty
              CHECK(results(true, plain) != results(true, full));
            if (nn::kernels::has_bf16())
              CHECK(results(true, nn::Precision::bf16) == results(true, plain));
          }
}

TEST_CASE("a convolution goes to the kernels that its shape fits") {
  const auto& direct = nn::kernels::direct_convolution3x3;
  const auto& winograd = nn::kernels::winograd_2x2_convolution3x3;
  const auto& winograd5 = nn::kernels::winograd_2x2_convolution5x5;
  const auto& interleaved = nn::kernels::interleaved_convolution;
  const auto& im2col = nn::kernels::im2col_convolution;
  for (const auto* kernels : {&direct, &winograd, &interleaved, &im2col})
    CHECK(kernels->fits({16, 32, 26, 26, 64, 3, 3, 1, 0}));
  for (const auto* kernels : {&direct, &winograd}) {
    CHECK_FALSE(kernels->fits({16, 32, 26, 26, 64, 5, 5, 1, 0}));
    CHECK_FALSE(kernels->fits({16, 32, 26, 26, 63, 3, 3, 1, 0}));
    CHECK_FALSE(kernels->fits({16, 32, 26, 26, 6, 3, 3, 1, 0}));  // vectors of two, rows of four
  }
  for (const auto* kernels : {&direct, &winograd})
    CHECK_FALSE(kernels->fits({16, 32, 26, 26, 64, 3, 3, 2, 0}));
  CHECK(interleaved.fits({16, 32, 26, 26, 64, 3, 3, 2, 0}));
  CHECK(winograd5.fits({16, 32, 14, 14, 64, 5, 5, 1, 2}));
  CHECK_FALSE(nn::kernels::bf16_winograd_4x4_convolution3x3.fits({16, 32, 26, 26, 64, 3, 3, 1, 0}));
  CHECK_FALSE(winograd5.fits({16, 6, 12, 12, 16, 5, 5, 1, 0}));
  CHECK(interleaved.fits({16, 6, 12, 12, 16, 5, 5, 1, 0, Epilogue::relu_max_pool}));
  CHECK_FALSE(interleaved.fits({16, 6, 12, 12, 16, 1, 1, 1, 0}));
  CHECK_FALSE(interleaved.fits({16, 6, 12, 12, 16, 5, 2, 1, 2}));  // windows within the padding
  CHECK(direct.fits({16, 1, 28, 28, 32, 3, 3, 1, 0}));
  CHECK_FALSE(winograd.fits({16, 1, 28, 28, 32, 3, 3, 1, 0}));
  CHECK_FALSE(direct.fits({16, 32, 26, 26, 64, 3, 3, 1, 0, Epilogue::relu_max_pool}));
  CHECK_FALSE(im2col.fits({16, 32, 26, 26, 64, 3, 3, 1, 0, Epilogue::relu}));
}

TEST_CASE("a relu and pooling after a convolution keep NaN visible") {
  const Convolution conv{1, 16, 6, 6, 16, 3, 3, 1, 0, Epilogue::relu_max_pool};
  auto x = random_values(conv.image_size(), 1);
  x[0] = std::numeric_limits<real>::quiet_NaN();
  const auto weight = random_values(conv.out * conv.patch_size(), 2);
  const std::vector<real> bias(conv.out, -1000);
  std::vector<real> y(conv.y_size());
  nn::Arena arena;
  for (const auto* kernels :
       {&nn::kernels::winograd_2x2_convolution3x3, &nn::kernels::interleaved_convolution}) {
    std::ranges::fill(y, 0);
    kernels->forward(conv, x.data(), weight.data(), bias.data(), y.data(), nullptr, arena);
    CHECK(std::isnan(y[0]));
  }
}
