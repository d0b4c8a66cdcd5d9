#include "nn/kernels/bf16_products.h"

#ifdef __x86_64__

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "nn/kernels/bf16.h"
#include "nn/kernels/bf16_block.h"
#include "nn/kernels/vector.h"

namespace nn::kernels {

namespace {

using Pair = Bf16Pair;

// A block of a and a panel of b are rounded and put in order, on the stack. For a, the pairs of a
// row follow each other; for b, the pairs of all columns with the same k. The innermost loop goes
// along k and reads a pair of each of 8 rows and three vectors of b:
//
//             48 columns of b, in the L1 cache
//   8 rows    8 x 48 sums, in 24 registers
//   of a
constexpr index tile_rows = bf16_tile_rows, tile_columns = bf16_tile_columns;
constexpr index vector_pairs = 16, tile_vectors = tile_columns / vector_pairs;
constexpr index most_pairs = 144;  // of a line: a panel of b takes 27 kB
constexpr index most_rows = 256;   // of a: 147 kB, in the L2 cache

using Pairs [[gnu::vector_size(64)]] = Pair;
using Floats [[gnu::vector_size(64)]] = float;

// Up to 16 numbers, then zeros.
[[gnu::always_inline]] inline Floats load_scaled(const float* from, index count, float scale) {
  Floats numbers = {};
  if (count >= vector_pairs)
    std::memcpy(&numbers, from, sizeof numbers);
  else if (count > 0)
    std::memcpy(&numbers, from, sizeof(float) * count);
  return numbers * scale;
}

constexpr auto all = std::make_index_sequence<vector_pairs>();

#ifdef __AVX512BF16__

// The pairs of 32 adjacent numbers, rounded.
Pairs pair_adjacent(Floats a, Floats b) { return (Pairs)_mm512_cvtne2ps_pbh(b, a); }

// The pairs of 16 numbers with the numbers that follow them.
template <std::size_t... i>
Pairs pair_up(Floats even, Floats odd, std::index_sequence<i...>) {
  using Codes [[gnu::vector_size(64)]] = std::uint16_t;
  const auto both = (Codes)_mm512_cvtne2ps_pbh(odd, even);
  return (Pairs)__builtin_shufflevector(both, both, (i / 2 + i % 2 * vector_pairs)...);
}
Pairs pair_up(Floats even, Floats odd) {
  return pair_up(even, odd, std::make_index_sequence<2 * vector_pairs>());
}

#else

Pairs rounded(Floats numbers) { return rounded_to_bf16(flushed(std::bit_cast<Pairs>(numbers))); }

Pairs pair_up(Floats even, Floats odd) { return rounded(even) >> 16 | (rounded(odd) & 0xffff0000); }

template <std::size_t... i>
Pairs pair_adjacent(Floats a, Floats b, std::index_sequence<i...>) {
  return pair_up(__builtin_shufflevector(a, b, (2 * i)...),
                 __builtin_shufflevector(a, b, (2 * i + 1)...));
}
Pairs pair_adjacent(Floats a, Floats b) { return pair_adjacent(a, b, all); }

#endif

// 16 pairs of each of 16 lines. If a line's numbers are adjacent, vector i has those of line i, and
// otherwise pair i of all lines.
template <bool has_adjacent>
[[gnu::always_inline]] inline void load_square(Bf16Operand from, index lines, index depth,
                                               Pairs (&square)[vector_pairs]) {
  for (index v = 0; v < vector_pairs; ++v)
    if (has_adjacent) {
      const float* const line = from.data + v * from.line;
      const index count = v < lines ? depth : 0;
      square[v] = pair_adjacent(load_scaled(line, count, from.scale),
                                load_scaled(line + vector_pairs, count - vector_pairs, from.scale));
    } else {
      const float* const even = from.data + 2 * v * from.step;
      square[v] = pair_up(load_scaled(even, 2 * v < depth ? lines : 0, from.scale),
                          load_scaled(even + from.step, 2 * v + 1 < depth ? lines : 0, from.scale));
    }
}

// Asks in advance for the memory of the square at `corner`, the address of a number. It is not a
// pointer, as it may lie past the operand.
template <bool has_adjacent>
[[gnu::always_inline]] inline void prefetch_square(std::uintptr_t corner, Bf16Operand from) {
  for (index v = 0; v < 2 * vector_pairs; ++v) {
    const index number = has_adjacent ? v / 2 * from.line + v % 2 * vector_pairs : v * from.step;
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    __builtin_prefetch(reinterpret_cast<const void*>(corner + sizeof(float) * number));
  }
}

// A vector for each line is what a takes, and one for each pair what b takes: the square is turned
// if it was loaded as the other.
template <bool is_a, bool has_adjacent>
[[gnu::always_inline]] inline void pack_square(Bf16Operand from, index lines, index depth,
                                               Pair* to) {
  Pairs square[vector_pairs];
  load_square<has_adjacent>(from, lines, depth, square);
  if (has_adjacent != is_a) exchange_quarters<vector_pairs / 2>(square, all);
  for (index v = 0; v < vector_pairs; ++v)
    std::memcpy(to + v * (is_a ? most_pairs : tile_columns), &square[v], sizeof square[v]);
}

// Goes along the memory of the operand. Lines and pairs are filled up with zeros to whole vectors.
template <bool is_a, bool has_adjacent>
void pack(Bf16Operand from, index lines, index depth, Pair* to) {
  constexpr index width = vector_pairs, length = 2 * vector_pairs;
  const auto put = [&](index line, index k) {
    Pair* const corner = to + (is_a ? line * most_pairs + k / 2 : k / 2 * tile_columns + line);
    const index next =
        has_adjacent ? (line + width) * from.line + k : line + (k + length) * from.step;
    prefetch_square<has_adjacent>(
        reinterpret_cast<std::uintptr_t>(from.data) + sizeof(float) * next, from);
    if (line + width <= lines && k + length <= depth)
      pack_square<is_a, has_adjacent>(from.at(line, k), width, length, corner);
    else
      pack_square<is_a, has_adjacent>(from.at(line, k), lines - line, depth - k, corner);
  };
  if (has_adjacent)
    for (index line = 0; line < lines; line += width)
      for (index k = 0; k < depth; k += length) put(line, k);
  else
    for (index k = 0; k < depth; k += length)
      for (index line = 0; line < lines; line += width) put(line, k);
}

// to[lines, most_pairs] for a, to[most_pairs, tile_columns] for b.
template <bool is_a>
void pack(Bf16Operand from, index lines, index depth, Pair* to) {
  if (from.step == 1)
    pack<is_a, true>(from, lines, depth, to);
  else
    pack<is_a, false>(from, lines, depth, to);
}

// sums[8, 48], `leading` apart, = (or +=) the products of 8 rows and 48 columns.
[[gnu::target("avx512f,avx512bf16")]] void multiply_tile(const Pair* a, const Pair* b, index pairs,
                                                         bool adds, float* sums, index leading) {
  multiply_bf16_block<tile_rows, tile_vectors>(a, most_pairs, 1, b, tile_columns, pairs, adds, sums,
                                               leading);
}

// A tile at the edge of c is computed in a copy of full size. In a narrow panel some columns past
// the edge were never packed; their sums are dropped.
void multiply_edge(index rows, index columns, const Pair* a, const Pair* b, index pairs, bool adds,
                   float* c, index leading) {
  float sums[tile_rows * tile_columns] = {};
  for (index i = 0; adds && i < rows; ++i)
    std::copy_n(c + i * leading, columns, sums + i * tile_columns);
  multiply_tile(a, b, pairs, adds, sums, tile_columns);
  for (index i = 0; i < rows; ++i) std::copy_n(sums + i * tile_columns, columns, c + i * leading);
}

// The product of a packed block of a and a panel of b.
void multiply_panel(index rows, index columns, const Pair* a, const Pair* b, index pairs, bool adds,
                    float* c, index leading) {
  for (index i = 0; i < rows; i += tile_rows)
    if (i + tile_rows <= rows && columns == tile_columns)
      multiply_tile(a + i * most_pairs, b, pairs, adds, c + i * leading, leading);
    else
      multiply_edge(std::min(tile_rows, rows - i), columns, a + i * most_pairs, b, pairs, adds,
                    c + i * leading, leading);
}

}  // namespace

bool has_bf16() { return __builtin_cpu_supports("avx512bf16"); }

void multiply_bf16(index m, index n, index k, Bf16Operand a, Bf16Operand b, bool adds, float* c,
                   index leading) {
  alignas(64) Pair rows[most_rows * most_pairs], panel[most_pairs * tile_columns];
  for (index first = 0; first < std::max<index>(k, 1); first += 2 * most_pairs) {
    const index depth = std::min(2 * most_pairs, k - first), pairs = (depth + 1) / 2;
    for (index i = 0; i < m; i += most_rows) {
      const index height = std::min(most_rows, m - i);
      pack<true>(a.at(i, first), height, depth, rows);
      for (index j = 0; j < n; j += tile_columns) {
        const index width = std::min(tile_columns, n - j);
        pack<false>(b.at(j, first), width, depth, panel);
        multiply_panel(height, width, rows, panel, pairs, adds || first > 0, c + i * leading + j,
                       leading);
      }
    }
  }
}

}  // namespace nn::kernels

#else

namespace nn::kernels {

bool has_bf16() { return false; }

void multiply_bf16(index m, index n, index k, Bf16Operand a, Bf16Operand b, bool adds, float* c,
                   index leading) {
  multiply_bf16_plain(m, n, k, a, b, adds, c, leading);
}

}  // namespace nn::kernels

#endif
