#include "nn/kernels/bf16_products.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "nn/random.h"
#include "nn/tensor.h"

namespace nn::kernels {

namespace {

// Any bits: among them denormals, infinities and NaNs. Otherwise exponents near that of 1.
std::vector<float> random_floats(Generator& generator, index count, bool any_bits) {
  std::vector<float> numbers(count);
  for (float& x : numbers) {
    std::uint32_t bits = generator.next32();
    if (!any_bits) bits = (bits & 0x83ffffff) | 0x3c000000;
    x = std::bit_cast<float>(bits);
  }
  return numbers;
}

// A matrix with rows a little apart, read as it is stored or along its columns.
struct Factor {
  Factor(Generator& generator, index lines, index k, bool any_bits)
      : by_lines(generator.next32() % 2),
        numbers(random_floats(generator, by_lines ? lines * (k + 3) : k * (lines + 3), any_bits)),
        operand{numbers.data(), by_lines ? k + 3 : 1, by_lines ? 1 : lines + 3} {}

  bool by_lines;
  std::vector<float> numbers;
  Bf16Operand operand;
};

struct Sizes {
  index m, n, k;
};

Sizes random_sizes(Generator& generator) {
  const auto up_to = [&](index most) { return 1 + generator.next32() % most; };
  return {up_to(40), up_to(120), up_to(generator.next32() % 4 ? 70 : 700) - 1};
}

// Where the two differ, other than by the payload of a NaN.
index count_differences(const std::vector<float>& a, const std::vector<float>& b) {
  index count = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    count += std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]) &&
             !(std::isnan(a[i]) && std::isnan(b[i]));
  return count;
}

double nearest_bf16(float x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(fraction, 8)), exponent - 8);
}

}  // namespace

TEST_CASE("products in bfloat16 have the bits of their plain twin, for any sizes and numbers") {
  if (!has_bf16()) return;
  Generator generator(3);
  for (int i = 0; i < 60; ++i) {
    const auto [m, n, k] = random_sizes(generator);
    const bool any_bits = i % 3 == 0, adds = i % 2;
    const Factor a(generator, m, k, any_bits), b(generator, n, k, any_bits);
    std::vector<float> c = random_floats(generator, m * (n + 2), any_bits), twin = c;
    multiply_bf16(m, n, k, a.operand, b.operand, adds, c.data(), n + 2);
    multiply_bf16_plain(m, n, k, a.operand, b.operand, adds, twin.data(), n + 2);
    INFO(m, " x ", n, " x ", k);
    CHECK(count_differences(c, twin) == 0);
  }
}

TEST_CASE("parts of a product in bfloat16 have the bits of the whole") {
  if (!has_bf16()) return;
  constexpr index m = 300, n = 130, k = 601, top = 37, left = 53;
  Generator generator(4);
  const Factor a(generator, m, k, false), b(generator, n, k, false);
  std::vector<float> whole(m * n), parts(m * n);
  multiply_bf16(m, n, k, a.operand, b.operand, false, whole.data(), n);
  for (const auto& [i, rows] : {std::pair{index(0), top}, {top, m - top}})
    for (const auto& [j, columns] : {std::pair{index(0), left}, {left, n - left}})
      multiply_bf16(rows, columns, k, a.operand.at(i, 0), b.operand.at(j, 0), false,
                    parts.data() + i * n + j, n);
  CHECK(count_differences(whole, parts) == 0);
}

TEST_CASE("the twin's factors are the nearest bfloat16, with sums as good as in float") {
  Generator generator(5);
  for (int i = 0; i < 20; ++i) {
    const auto [m, n, k] = random_sizes(generator);
    Factor a(generator, m, k, false), b(generator, n, k, false);
    a.operand.scale = 0.25;
    std::vector<float> c(m * n, 2);
    multiply_bf16_plain(m, n, k, a.operand, b.operand, true, c.data(), n);
    for (index row = 0; row < m; ++row)
      for (index column = 0; column < n; ++column) {
        double sum = 2, size = 2;
        for (index q = 0; q < k; ++q) {
          const double term = nearest_bf16(*a.operand.at(row, q).data) / 4 *
                              nearest_bf16(*b.operand.at(column, q).data);
          sum += term;
          size += std::abs(term);
        }
        const double unit = std::numeric_limits<float>::epsilon() * size;
        CHECK(std::abs(c[row * n + column] - sum) < unit * std::sqrt(k + 4.0));
      }
  }
}

TEST_CASE("ties are rounded to even, and numbers below the smallest normal float are 0") {
  const auto square = [](float x) {
    float c = 0;
    multiply_bf16_plain(1, 1, 1, {&x, 1, 1}, {&x, 1, 1}, false, &c, 1);
    return c;
  };
  CHECK(square(1 + 1.0f / 256) == 1);
  CHECK(square(1 + 3.0f / 256) == (1 + 1.0f / 64) * (1 + 1.0f / 64));
  CHECK(square(1e-20f) == 0);
  CHECK(square(std::numeric_limits<float>::infinity()) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(square(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace nn::kernels
