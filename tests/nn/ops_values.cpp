#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "nn/ops.h"

// Results of operations. ops.cpp checks gradients, ops_golden.cpp PyTorch's numbers.
namespace {

using nn::ConstView, nn::index, nn::MaskView, nn::real, nn::Shape, nn::Tape, nn::Var;

// The largest difference of conv2d, and of the gradients of its sum, from the definition.
double conv2d_error(Tape& tape, Shape image, Shape window, index stride, index padding) {
  const auto filled = [](Shape shape, std::uint64_t seed) {
    nn::Tensor tensor(shape);
    nn::Generator(seed).uniform(tensor.span(), -1, 1);
    return tensor;
  };
  const nn::Tensor x = filled(image, 3), weight = filled(window, 4), bias = filled({window[0]}, 5);
  tape.reset();
  const Var inputs[] = {tape.input(x), tape.input(weight), tape.input(bias)};
  const Var y = conv2d(inputs[0], inputs[1], inputs[2], stride, padding);
  const nn::Tensor ones(y.shape(), std::vector<real>(y.value().size(), 1));
  tape.backward_data(y, ones);

  std::vector<double> sums, dx(x.size()), dweight(weight.size()), dbias(bias.size());
  for (index n = 0; n < image[0]; ++n)
    for (index o = 0; o < window[0]; ++o)
      for (index top = -padding; top + window[2] <= image[2] + padding; top += stride)
        for (index left = -padding; left + window[3] <= image[3] + padding; left += stride) {
          double sum = bias[o];
          dbias[o] += 1;
          for (index c = 0; c < image[1]; ++c)
            for (index ky = 0; ky < window[2]; ++ky)
              for (index kx = 0; kx < window[3]; ++kx) {
                const index row = top + ky, column = left + kx;
                if (row < 0 || row >= image[2] || column < 0 || column >= image[3]) continue;
                const index pixel = ((n * image[1] + c) * image[2] + row) * image[3] + column;
                const index tap = ((o * image[1] + c) * window[2] + ky) * window[3] + kx;
                sum += double{x[pixel]} * weight[tap];
                dx[pixel] += weight[tap];
                dweight[tap] += x[pixel];
              }
          sums.push_back(sum);
        }
  const auto error = [](const std::vector<double>& expected, ConstView ours) {
    REQUIRE(static_cast<index>(expected.size()) == ours.size());
    double worst = 0;
    for (index i = 0; i < ours.size(); ++i) {
      const double difference = std::abs(expected[i] - ours[i]);
      worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
    return worst;
  };
  return std::max({error(sums, y.value()), error(dx, inputs[0].gradient()),
                   error(dweight, inputs[1].gradient()), error(dbias, inputs[2].gradient())});
}

TEST_CASE("conv2d is the sum in its definition for every small geometry") {
  Tape tape;
  for (index channels : {2, 4})
    for (index height : {1, 2, 5})
      for (index width : {1, 2, 4, 19})
        for (index kh : {1, 2, 3, 5})
          for (index kw : {1, 2, 3, 5})
            for (index stride : {1, 2, 3})
              for (index padding : {0, 1, 2, 3}) {
                if (kh > height + 2 * padding || kw > width + 2 * padding) continue;
                const Shape image{2, channels, height, width}, window{4, channels, kh, kw};
                CAPTURE(image);
                CAPTURE(window);
                CAPTURE(stride);
                CAPTURE(padding);
                REQUIRE(conv2d_error(tape, image, window, stride, padding) <
                        (sizeof(real) == 8 ? 1e-12 : 1e-4));
              }
}

TEST_CASE("relu and max_pool2d let a NaN through") {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  for (index place = 0; place < 9; ++place) {
    Tape tape;
    nn::Tensor image({1, 1, 3, 3}, {1, 8, 3, 4, 5, 6, 7, 2, 9});
    image[place] = nan;
    const Var x = tape.constant(image);
    CHECK(std::isnan(relu(x).value()[place]));
    CHECK(std::isnan(max_pool2d(x, 3).value()[0]));
    const bool is_in_first_four = place % 3 < 2 && place / 3 < 2;
    CHECK(std::isnan(max_pool2d(x, 2).value()[0]) == is_in_first_four);
  }
}

TEST_CASE("ops that write over their argument give the bits of those that do not, in its memory") {
  Tape tape;
  nn::Tensor values({6, 8});
  nn::Generator(1).uniform(values.span(), -1, 1);
  const Var x = tape.constant(values);
  const auto same = [](Var a, Var b) { return std::ranges::equal(a.value(), b.value()); };
  const Var sum = add(x, x);
  const Var turned = rotary_embedding_(sum, 4, 3);
  CHECK(same(turned, rotary_embedding(add(x, x), 4, 3)));
  CHECK(same(add_(turned, x), add(rotary_embedding(add(x, x), 4, 3), x)));
  CHECK(turned.value().data == sum.value().data);
  CHECK_THROWS_AS(rotary_embedding_(x, 4, 3), nn::Error);
  CHECK_THROWS_AS(add_(x, sum), nn::Error);
  CHECK_THROWS_AS(add_(sum, tape.constant({values.view().data, {8}})), nn::Error);
}

TEST_CASE("rotary_embedding of later positions gives the end of a longer sequence") {
  Tape tape;
  nn::Tensor values({6, 8});
  nn::Generator(1).uniform(values.span(), -1, 1);
  const Var whole = rotary_embedding(tape.constant(values), 4, 6);
  const Var end =
      rotary_embedding(tape.constant({values.view().data + 4 * 8, {2, 8}}), 4, 2, 10000, 4);
  CHECK(std::ranges::equal(end.value(), whole.value().span().last(2 * 8)));
}

TEST_CASE("a value that overflows changes no gradient of a query before it") {
  constexpr index queries = 5, size = 3, before = (queries - 1) * size;
  const auto gradient = [](real last_value) {
    nn::Tensor q({queries, size}), k({queries, size}), v({queries, size});
    nn::Generator generator(8);
    for (nn::Tensor* tensor : {&q, &k, &v}) generator.uniform(tensor->span(), -1, 1);
    std::fill_n(v.span().data() + before, size, last_value);
    Tape tape;
    const Var query = tape.input(q);
    const Var y = causal_attention(query, tape.constant(k), tape.constant(v), size, queries);
    tape.backward_data(y, nn::Tensor(y.shape(), std::vector<real>(y.value().size(), 2)));
    const ConstView dq = query.gradient();
    return std::vector<real>(dq.begin(), dq.begin() + before);
  };
  CHECK(gradient(std::numeric_limits<real>::max() / 2) == gradient(1));  // dy v^T is infinite
}

// The last queries of a sequence, with more keys than are taken at once: some rows see none of the
// second block's, and later blocks have larger scores than earlier ones.
TEST_CASE("causal_attention is the softmax over all keys that a query sees") {
  constexpr index queries = 70, keys = 600, size = 3;
  nn::Tensor q({queries, size}), k({keys, size}), v({keys, size});
  nn::Generator generator(7);
  for (nn::Tensor* tensor : {&q, &k, &v}) generator.uniform(tensor->span(), -2, 2);
  for (index s = 0; s < keys; ++s)
    for (index j = 0; j < size; ++j) k[s * size + j] *= real(0.01) * static_cast<real>(s);
  Tape tape;
  const Var y =
      causal_attention(tape.constant(q), tape.constant(k), tape.constant(v), size, queries);
  for (index t = 0; t < queries; ++t) {
    std::vector<double> weights;
    double largest = -INFINITY, total = 0, sums[size] = {};
    for (index s = 0; s <= keys - queries + t; ++s) {
      double score = 0;
      for (index j = 0; j < size; ++j) score += double{q[t * size + j]} * k[s * size + j];
      weights.push_back(score / std::sqrt(double{size}));
      largest = std::max(largest, weights.back());
    }
    for (index s = 0; s < std::ssize(weights); ++s) {
      const double weight = std::exp(weights[s] - largest);
      total += weight;
      for (index j = 0; j < size; ++j) sums[j] += weight * v[s * size + j];
    }
    for (index j = 0; j < size; ++j)
      REQUIRE(y.value()[t * size + j] == doctest::Approx(sums[j] / total).epsilon(1e-4));
  }
}

TEST_CASE("dropout scales what it keeps and drops the rest") {
  Tape tape;
  const real ones[] = {1, 1, 1, 1};
  const std::uint64_t kept = 0b1011;
  const Var y = dropout(tape.constant({ones, {4}}), 0.2, {&kept, 0});
  CHECK(std::vector<real>(y.value().begin(), y.value().end()) ==
        std::vector<real>{real(1.25), real(1.25), 0, real(1.25)});
}

TEST_CASE("dropout goes by the bits of its mask, wherever it begins and ends") {
  std::vector<std::uint64_t> words(5);
  nn::Generator generator(2);
  for (std::uint64_t& word : words) word = generator.next64();
  for (index first : {0, 1, 63, 64, 100})
    for (index size : {1, 27, 28, 64, 128, 200}) {
      Tape tape;
      const nn::Tensor ones({size}, std::vector<real>(size, 1));
      const Var y = dropout(tape.constant(ones), 0.5, {words.data(), first});
      for (index i = 0; i < size; ++i)
        REQUIRE(y.value()[i] == real(words[(first + i) / 64] >> (first + i) % 64 & 1 ? 2 : 0));
    }
}

}  // namespace
