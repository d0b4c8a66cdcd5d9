#include <bit>
#include <cmath>

#include "nn/kernels/bf16.h"
#include "nn/kernels/bf16_products.h"
#include "nn/kernels/bf16_small_product.h"

namespace nn::kernels {

namespace {

float rounded_number(Bf16Operand from, index line, index k, index depth) {
  if (k >= depth) return 0;
  const Bf16Operand number = from.at(line, k);
  return value_of_bf16(bf16_of(flushed(*number.data * number.scale)));
}

// Adds both products of two pairs, the odd one first.
float add_pair(float sum, float odd_a, float odd_b, float even_a, float even_b) {
  sum = flushed(std::fma(odd_a, odd_b, sum));
  return flushed(std::fma(even_a, even_b, sum));
}

float odd_of(Bf16Pair pair) { return flushed(std::bit_cast<float>(pair & 0xffff0000)); }
float even_of(Bf16Pair pair) { return flushed(std::bit_cast<float>(pair << 16)); }

}  // namespace

void multiply_bf16_plain(index m, index n, index k, Bf16Operand a, Bf16Operand b, bool adds,
                         float* c, index leading) {
  for (index i = 0; i < m; ++i)
    for (index j = 0; j < n; ++j) {
      float& element = c[i * leading + j];
      float sum = adds ? flushed(element) : 0;
      for (index p = 0; p < k; p += 2)
        sum = add_pair(sum, rounded_number(a, i, p + 1, k), rounded_number(b, j, p + 1, k),
                       rounded_number(a, i, p, k), rounded_number(b, j, p, k));
      element = sum;
    }
}

void multiply_pairs_plain(const PairProduct& product) {
  const auto& [rows, columns, pairs, a, a_row, a_step, b, adds, c] = product;
  for (index i = 0; i < rows; ++i)
    for (index j = 0; j < columns; ++j) {
      float& element = c[i * columns + j];
      float sum = adds ? flushed(element) : 0;
      for (index p = 0; p < pairs; ++p) {
        const Bf16Pair left = a[i * a_row + p * a_step], right = b[p * columns + j];
        sum = add_pair(sum, odd_of(left), odd_of(right), even_of(left), even_of(right));
      }
      element = sum;
    }
}

}  // namespace nn::kernels
