#pragma once

#include "nn/tensor.h"

// Matrix products whose factors are rounded to bfloat16, to nearest even, and whose sums are float.
//
// The instruction vdpbf16ps (AVX512_BF16) adds two products to each of 16 sums, twice the work of a
// fused multiply-add. Every element of c gets its terms in pairs, in the order of k, and the odd
// term of a pair first, each with one rounding; numbers below the smallest normal float count as 0.
// So the bits do not depend on how c is divided into parts.
namespace nn::kernels {

// The sums that the kernel computes at once; c is best cut between such tiles.
constexpr index bf16_tile_rows = 8, bf16_tile_columns = 48;

// A factor of a product: line i is row i of a or column i of b, and runs along k. Element (i, k) is
// at data[i * line + k * step], one of the two distances being 1.
struct Bf16Operand {
  const float* data;
  index line, step;
  float scale = 1;  // of all numbers, applied before they are rounded

  // The part that begins at line i, number k.
  Bf16Operand at(index i, index k) const { return {data + i * line + k * step, line, step, scale}; }
};

// Whether this processor has AVX512_BF16.
bool has_bf16();

// c[m, n] = (or +=) a b, with c's rows `leading` apart. Needs has_bf16().
void multiply_bf16(index m, index n, index k, Bf16Operand a, Bf16Operand b, bool adds, float* c,
                   index leading);

// The same bits on any processor, much slower. Only the payloads of NaNs may differ.
void multiply_bf16_plain(index m, index n, index k, Bf16Operand a, Bf16Operand b, bool adds,
                         float* c, index leading);

}  // namespace nn::kernels
