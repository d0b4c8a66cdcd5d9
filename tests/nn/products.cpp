#include "nn/products.h"

#include <doctest/doctest.h>

#include <vector>

#include "nn/kernels/bf16_products.h"
#include "nn/ops.h"
#include "nn/tape.h"
#include "tests/complaint.h"
#include "tests/nn/numbers.h"

namespace nn {

namespace {

using tests::random_values;

constexpr index m = 75, n = 130, k = 97;

// 2 op(a) op(b) + c
std::vector<real> product(Precision precision, int threads, bool turns_a, bool turns_b) {
  Team team(threads);
  const auto a = random_values(m * k, 1), b = random_values(k * n, 2);
  std::vector<real> c = random_values(m * n, 3);
  gemm(precision, team, turns_a ? Transpose::yes : Transpose::no,
       turns_b ? Transpose::yes : Transpose::no, m, n, k, 2, a.data(), turns_a ? m : k, b.data(),
       turns_b ? k : n, 1, c.data(), n);
  return c;
}

// The gradient of a tiny language model's loss, by every op that multiplies matrices.
std::vector<real> gradient(Precision precision, int threads) {
  constexpr index tokens = 70, width = 24, classes = 2100;
  Team team(threads);
  Tape tape;
  tape.set_team(team);
  tape.set_precision(precision);
  const auto x = random_values(tokens * width, 1), weight = random_values(width * width, 2),
             head = random_values(classes * width, 3);
  const std::vector<int> targets(tokens, 2050);
  const Var in = tape.input({x.data(), {tokens, width}});
  const Var w = tape.constant({weight.data(), {width, width}});
  const Var q = linear(in, w);
  const Var y = causal_attention(q, in, matmul(in, w), 8, tokens);
  tape.backward(linear_cross_entropy(y, tape.constant({head.data(), {classes, width}}), targets));
  return tests::numbers(in.gradient());
}

}  // namespace

TEST_CASE("a product in bfloat16 is near the exact one, with the same bits for any threads") {
  if (sizeof(real) != sizeof(float)) return;
  for (const bool turns_a : {false, true})
    for (const bool turns_b : {false, true}) {
      const auto exact = product(Precision::full, 1, turns_a, turns_b);
      const auto plain = product(Precision::bf16_plain, 1, turns_a, turns_b);
      CHECK(tests::largest_difference(plain, exact) < 0.15);  // 97 terms, each within a 256th
      CHECK(tests::largest_difference(plain, exact) > 1e-4);
      for (const int threads : {1, 2, 3, 7}) {
        CHECK(product(Precision::bf16_plain, threads, turns_a, turns_b) == plain);
        if (kernels::has_bf16())
          CHECK(product(Precision::bf16, threads, turns_a, turns_b) == plain);
      }
    }
}

TEST_CASE("ops compute in the tape's precision, forwards and backwards") {
  if (sizeof(real) != sizeof(float)) return;
  const auto exact = gradient(Precision::full, 1), plain = gradient(Precision::bf16_plain, 1);
  double largest = 0;
  for (const real x : exact) largest = std::max(largest, std::abs(static_cast<double>(x)));
  CHECK(tests::largest_difference(plain, exact) < 0.05 * largest);
  CHECK(tests::largest_difference(plain, exact) > 1e-4 * largest);
  if (kernels::has_bf16())
    for (const int threads : {1, 3}) CHECK(gradient(Precision::bf16, threads) == plain);
}

TEST_CASE("a precision that this machine or engine cannot compute in is refused") {
  const std::string complaint = complaint_of([] { precision_named("bf16"); });
  if (sizeof(real) != sizeof(float))
    CHECK(complaint == "this engine computes in double");
  else if (kernels::has_bf16())
    CHECK(complaint == "nothing");
  else
    CHECK(contains(complaint, "no instructions for bfloat16"));
  CHECK(precision_named("float") == Precision::full);
}

}  // namespace nn
