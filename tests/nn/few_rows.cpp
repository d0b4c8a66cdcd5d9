#include "nn/kernels/few_rows.h"

#include <doctest/doctest.h>

#include <vector>

#include "nn/kernels/vector.h"
#include "nn/ops.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/team.h"
#include "nn/tensor.h"
#include "tests/nn/numbers.h"

namespace nn::kernels {

namespace {

// Random operands of a layer, and what they give.
struct Layer {
  Layer(index n, index in, index out)
      : n(n),
        in(in),
        out(out),
        x(tests::random_values(n * in, 1)),
        weight(tests::random_values(out * in, 2)),
        bias(tests::random_values(out, 3)),
        dy(tests::random_values(n * out, 4)) {}

  std::vector<real> forward(Team& team, bool has_bias) const {
    std::vector<real> y(n * out, 9);
    few_rows_forward(n, in, out, x.data(), weight.data(), has_bias ? bias.data() : nullptr,
                     y.data(), team);
    return y;
  }

  std::vector<real> input_gradient(Team& team) const {
    std::vector<real> dx = x;
    few_rows_input_gradient(n, in, out, dy.data(), weight.data(), dx.data(), team);
    return dx;
  }

  std::vector<real> plain_forward(bool has_bias) const {
    std::vector<real> y(n * out);
    for (index i = 0; i < n; ++i)
      for (index j = 0; j < out; ++j) {
        double sum = has_bias ? bias[j] : 0;
        for (index k = 0; k < in; ++k) sum += double{x[i * in + k]} * weight[j * in + k];
        y[i * out + j] = static_cast<real>(sum);
      }
    return y;
  }

  std::vector<real> plain_input_gradient() const {
    std::vector<real> dx = x;
    for (index i = 0; i < n; ++i)
      for (index k = 0; k < in; ++k) {
        double sum = x[i * in + k];
        for (index j = 0; j < out; ++j) sum += double{dy[i * out + j]} * weight[j * in + k];
        dx[i * in + k] = static_cast<real>(sum);
      }
    return dx;
  }

  index n, in, out;
  std::vector<real> x, weight, bias, dy;
};

}  // namespace

TEST_CASE("products for few rows are those of plain sums, with the same bits for any team") {
  Team alone, team(3);
  for (const index n : std::vector<index>{1, 2, 3, 7, 10, most_few_rows})
    for (const index vectors : {1, 3, 7, 14, 600})
      for (const index out : {1, 5, 10, 67}) {
        CAPTURE(n);
        CAPTURE(vectors);
        CAPTURE(out);
        const Layer layer(n, vectors * lanes, out);
        REQUIRE(has_few_rows(n, layer.in));
        for (const bool has_bias : {false, true}) {
          const std::vector<real> y = layer.forward(alone, has_bias);
          CHECK(tests::largest_difference(y, layer.plain_forward(has_bias)) < 5e-5);
          CHECK(y == layer.forward(team, has_bias));
        }
        const std::vector<real> dx = layer.input_gradient(alone);
        CHECK(tests::largest_difference(dx, layer.plain_input_gradient()) < 3e-5);
        CHECK(dx == layer.input_gradient(team));
      }
}

TEST_CASE("linear layers have the same results on both sides of the number of few rows") {
  for (const index n : {most_few_rows, most_few_rows + 1}) {
    CAPTURE(n);
    const Layer layer(n, 3 * lanes, 7);
    Tape tape;
    const Var x = tape.input({layer.x.data(), {n, layer.in}}),
              weight = tape.constant({layer.weight.data(), {layer.out, layer.in}});
    const Var y = linear(x, weight, tape.constant({layer.bias.data(), {layer.out}}));
    tape.backward_data(y, {layer.dy.data(), y.shape()});
    std::vector<real> dx = tests::numbers(x.gradient());
    for (index i = 0; i < n * layer.in; ++i) dx[i] += layer.x[i];
    CHECK(tests::largest_difference(y.value(), layer.plain_forward(true)) < 1e-5);
    CHECK(tests::largest_difference(dx, layer.plain_input_gradient()) < 3e-5);
  }
}

TEST_CASE("many rows, and rows that do not fill vectors, are left to BLAS") {
  CHECK_FALSE(has_few_rows(most_few_rows + 1, lanes));
  CHECK_FALSE(has_few_rows(1, lanes + 1));
}

}  // namespace nn::kernels
