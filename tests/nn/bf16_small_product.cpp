#include "nn/kernels/bf16_small_product.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>
#include <vector>

#include "nn/kernels/bf16_products.h"
#include "nn/random.h"

namespace nn::kernels {

namespace {

std::vector<Bf16Pair> random_pairs(Generator& generator, index count, bool any_bits) {
  std::vector<Bf16Pair> pairs(count);
  for (Bf16Pair& pair : pairs) {
    pair = generator.next32();
    if (!any_bits) pair = (pair & 0x83ff83ff) | 0x3c003c00;  // exponents near that of 1
  }
  return pairs;
}

bool are_same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return std::bit_cast<Bf16Pair>(x) == std::bit_cast<Bf16Pair>(y) ||
           (std::isnan(x) && std::isnan(y));
  });
}

}  // namespace

TEST_CASE("products of pairs have the bits of their plain twin, for any sizes and numbers") {
  if (!has_bf16()) return;
  Generator generator(3);
  for (int i = 0; i < 80; ++i) {
    const bool any_bits = i % 3 == 0, goes_down = generator.next32() % 2;
    const index rows = 4 * (1 + generator.next32() % 9),
                columns = 16 * (1 + generator.next32() % 9), pairs = 1 + generator.next32() % 40;
    const auto a = random_pairs(generator, rows * pairs, any_bits),
               b = random_pairs(generator, pairs * columns, any_bits);
    std::vector<float> c;
    for (const Bf16Pair pair : random_pairs(generator, rows * columns, any_bits))
      c.push_back(std::bit_cast<float>(pair));
    std::vector<float> twin = c;
    PairProduct product{
        rows,     columns,    pairs,   a.data(), goes_down ? 1 : pairs, goes_down ? rows : 1,
        b.data(), i % 2 == 1, c.data()};
    multiply_pairs(product);
    product.c = twin.data();
    multiply_pairs_plain(product);
    INFO(rows, " x ", columns, " x ", pairs);
    CHECK(are_same(c, twin));
  }
}

TEST_CASE("rows in pairs give the product along the rows, also for an odd number of them") {
  Generator generator(4);
  for (const index depth : {1, 2, 9}) {
    constexpr index rows = 16, columns = 32;
    std::vector<Bf16> a(depth * rows), b(depth * columns);
    for (std::vector<Bf16>* codes : {&a, &b})
      for (Bf16& code : *codes) code = bf16_of(static_cast<float>(generator.next32() % 17));
    std::vector<Bf16Pair> a_pairs((depth + 1) / 2 * rows), b_pairs((depth + 1) / 2 * columns);
    pair_rows(a.data(), depth, rows, a_pairs.data());
    pair_rows(b.data(), depth, columns, b_pairs.data());
    std::vector<float> c(rows * columns, 3);
    multiply_pairs_plain(
        {rows, columns, (depth + 1) / 2, a_pairs.data(), 1, rows, b_pairs.data(), true, c.data()});
    for (index i = 0; i < rows; ++i)
      for (index j = 0; j < columns; ++j) {
        float sum = 3;
        for (index k = 0; k < depth; ++k)
          sum += value_of_bf16(a[k * rows + i]) * value_of_bf16(b[k * columns + j]);
        CHECK(c[i * columns + j] == sum);
      }
  }
}

TEST_CASE("vectors are rounded to the nearest bfloat16, as single numbers are") {
  Generator generator(5);
  using Floats [[gnu::vector_size(64)]] = float;
  for (int i = 0; i < 2000; ++i) {
    Floats numbers;
    for (int lane = 0; lane < 16; ++lane) numbers[lane] = std::bit_cast<float>(generator.next32());
    numbers[0] = 1 + static_cast<float>(2 * i + 1) / 256;  // a tie
    numbers[1] = FLT_MIN / 2, numbers[2] = -std::nextafter(FLT_MIN, 0.0F);
    Bf16 codes[16];
    store_rounded(codes, numbers);
    for (int lane = 0; lane < 16; ++lane) {
      const float x = numbers[lane], y = value_of_bf16(codes[lane]);
      if (std::abs(x) < FLT_MIN)
        CHECK(y == 0);
      else if (std::isnan(x))
        CHECK(std::isnan(y));
      else
        CHECK(codes[lane] == bf16_of(x));
    }
  }
}

}  // namespace nn::kernels
