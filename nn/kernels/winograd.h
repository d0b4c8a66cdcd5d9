#pragma once

#include "nn/real.h"
#include "nn/tensor.h"

// Correlation with fewer multiplications (Winograd 1980; Lavin and Gray 2016). A tile of
// `size` x `size` outputs of a filter g of `taps` x `taps` comes from `inner` x `inner` inputs d,
// inner = size + taps - 1, as
//
//   Y = A^T [(G g G^T) * (B^T d B)] A        * element by element
//
// with inner^2 multiplications instead of taps^2 size^2: for 3x3 filters 16 instead of 36 or 36
// instead of 144, for 5x5 filters 36 instead of 100. All three transforms are linear, so the
// gradients are the same formula read backwards, with transposed matrices.
namespace nn::kernels::winograd {

template <index row_count, index column_count>
struct Matrix {
  static constexpr index rows = row_count, columns = column_count;
  double at[rows][columns] = {};

  constexpr Matrix<columns, rows> transposed() const {
    Matrix<columns, rows> result;
    for (index i = 0; i < rows; ++i)
      for (index j = 0; j < columns; ++j) result.at[j][i] = at[i][j];
    return result;
  }
};

// A polynomial is determined by its values at as many points as it has coefficients: the matrices
// follow from that (Cook and Toom). A tile uses the first `finite` points, and infinity, where the
// "value" is the highest coefficient. The last two points cost a digit of accuracy.
constexpr double points[] = {0, 1, -1, 0.5, -2};
template <index inner>
constexpr index finite = inner - 1;

// Row i: the coefficients of the product of (x - points[j]) over the finite points j other than i.
template <index inner>
constexpr Matrix<inner, inner> to_input = [] {
  Matrix<inner, inner> b;
  for (index i = 0; i < inner; ++i) {
    b.at[i][0] = 1;
    for (index j = 0; j < finite<inner>; ++j) {
      if (j == i) continue;
      for (index k = inner - 1; k >= 0; --k)
        b.at[i][k] = (k > 0 ? b.at[i][k - 1] : 0) - points[j] * b.at[i][k];
    }
  }
  return b;
}();

// Row i: 1, p, p^2, ... for p = points[i]; for infinity only the highest power.
template <index inner, index powers>
constexpr Matrix<inner, powers> values_at_points = [] {
  Matrix<inner, powers> values;
  for (index i = 0; i < finite<inner>; ++i)
    for (index k = 0; k < powers; ++k)
      values.at[i][k] = k > 0 ? values.at[i][k - 1] * points[i] : 1;
  values.at[finite<inner>][powers - 1] = 1;
  return values;
}();

// The values of the filter's polynomial, divided by the product of (points[i] - points[j]).
template <index inner, index taps>
constexpr Matrix<inner, taps> to_filter = [] {
  Matrix<inner, taps> g = values_at_points<inner, taps>;
  for (index i = 0; i < finite<inner>; ++i)
    for (index j = 0; j < finite<inner>; ++j)
      if (j != i)
        for (double& value : g.at[i]) value /= points[i] - points[j];
  return g;
}();

template <index inner, index size>
constexpr auto to_output = values_at_points<inner, size>.transposed();

template <index inner>
constexpr auto input_back = to_input<inner>.transposed();
template <index inner, index taps>
constexpr auto filter_back = to_filter<inner, taps>.transposed();
template <index inner, index size>
constexpr auto output_back = to_output<inner, size>.transposed();

// y = M x, for numbers that are `step` apart. Fully unrolled, without the zero terms.
template <const auto& m, index step, class Number>
[[gnu::always_inline]] inline void apply(const Number* x, Number* y) {
#pragma GCC unroll 8
  for (index i = 0; i < m.rows; ++i) {
    bool is_first = true;
#pragma GCC unroll 8
    for (index j = 0; j < m.columns; ++j) {
      if (m.at[i][j] == 0) continue;
      const Number term = static_cast<real>(m.at[i][j]) * x[j * step];
      y[i * step] = is_first ? term : y[i * step] + term;
      is_first = false;
    }
  }
}

// y = M x M^T, on squares of numbers or of vectors of numbers.
template <const auto& m, class Number>
[[gnu::always_inline]] inline void transform(const Number (&x)[m.columns * m.columns],
                                             Number (&y)[m.rows * m.rows]) {
  Number half[m.rows * m.columns];
#pragma GCC unroll 8
  for (index j = 0; j < m.columns; ++j) apply<m, m.columns>(x + j, half + j);
#pragma GCC unroll 8
  for (index i = 0; i < m.rows; ++i) apply<m, 1>(half + i * m.columns, y + i * m.rows);
}

}  // namespace nn::kernels::winograd
