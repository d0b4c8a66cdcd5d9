#include "nn/kernels/ordered_products.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "nn/real.h"
#include "nn/tensor.h"

namespace nn::kernels {

namespace {

struct Matrix {
  const real* data;
  index rows, columns, row_stride, column_stride;

  explicit Matrix(ConstView view)
      : Matrix(view.data, view.shape[0], view.shape[1], view.shape[1], 1) {}
  Matrix(const real* data, index rows, index columns, index row_stride, index column_stride)
      : data(data),
        rows(rows),
        columns(columns),
        row_stride(row_stride),
        column_stride(column_stride) {}
  real operator()(index i, index j) const { return data[i * row_stride + j * column_stride]; }
  Matrix transposed() const { return {data, columns, rows, column_stride, row_stride}; }
};

bool is_narrow(index rows, index columns) { return std::min(rows, columns) <= 8; }

// The rows of b must be contiguous.
void fused(Matrix a, Matrix b, std::vector<real>& c) {
  constexpr index block = 128;
  std::vector<real> sums(b.columns);
  for (index i = 0; i < a.rows; ++i)
    for (index first = 0; first < a.columns; first += block) {
      std::ranges::fill(sums, real(0));
      for (index k = first; k < std::min(a.columns, first + block); ++k) {
        const real factor = a(i, k);
        const real* row = b.data + k * b.row_stride;
        for (index j = 0; j < b.columns; ++j) sums[j] = std::fma(factor, row[j], sums[j]);
      }
      for (index j = 0; j < b.columns; ++j) c[i * b.columns + j] += sums[j];
    }
}

// Numbers of a row before the first at a multiple of 16 bytes add every second four terms to each
// other first.
void separate(Matrix a, Matrix b, std::vector<real>& c) {
  constexpr index half = 4;
  const index terms = a.columns;
  for (index i = 0; i < a.rows; ++i)
    for (index j = 0; j < b.columns; ++j) {
      const bool is_aligned = i * b.columns % half == 0 || j >= half - i * b.columns % half;
      real sum = 0;
      for (index k = 0; k < terms;) {
        const bool is_grouped = !is_aligned && k % (2 * half) == half && k + half <= terms;
        real part = is_grouped ? 0 : sum;
        for (const index end = std::min(terms, k + half); k < end; ++k)
          part += rounded_product(a(i, k), b(k, j));
        sum = is_grouped ? sum + part : part;
      }
      c[i * b.columns + j] = sum;
    }
}

std::vector<real> multiply(Matrix a, Matrix b) {
  std::vector<real> c(a.rows * b.columns);
  (is_narrow(a.rows, b.columns) ? separate : fused)(a, b, c);
  return c;
}

void add(const std::vector<real>& values, View to) {
  for (index i = 0; i < to.size(); ++i) to.data[i] += values[i];
}

// In eight strands: the first two halves are added, then the next, then the last.
real dot(const real* a, const real* b, index size) {
  std::array<real, 8> strands{};
  for (index i = 0; i < size; ++i) strands[i % 8] += rounded_product(a[i], b[i]);
  for (index half = 4; half > 0; half /= 2)
    for (index i = 0; i < half; ++i) strands[i] += strands[i + half];
  return strands[0];
}

// Of every step-th row from `first` to `end`.
real column_sum(ConstView dy, index column, index first, index end, index step) {
  real sum = 0;
  for (index i = first; i < end; i += step) sum += dy.data[i * dy.shape[1] + column];
  return sum;
}

}  // namespace

void ordered_forward(ConstView x, ConstView weight, ConstView bias, View y) {
  const index n = x.shape[0], in = x.shape[1], out = weight.shape[0];
  if (is_narrow(n, out)) {
    for (index i = 0; i < n; ++i)
      for (index j = 0; j < out; ++j)
        y.data[i * out + j] = dot(x.data + i * in, weight.data + j * in, in);
  } else {
    std::vector<real> transposed(in * out);
    for (index j = 0; j < out; ++j)
      for (index k = 0; k < in; ++k) transposed[k * out + j] = weight.data[j * in + k];
    std::ranges::copy(multiply(Matrix(x), {transposed.data(), in, out, out, 1}), y.data);
  }
  for (index i = 0; i < n; ++i)
    for (index j = 0; j < out; ++j) y.data[i * out + j] += bias.data[j];
}

void ordered_input_gradient(ConstView dy, ConstView weight, View dx) {
  add(multiply(Matrix(dy), Matrix(weight)), dx);
}

void ordered_weight_gradient(ConstView dy, ConstView x, View dweight) {
  add(multiply(Matrix(dy).transposed(), Matrix(x)), dweight);
}

// Whole groups of 32 columns add up 16 rows, and then these sums. Other columns have four strands.
void ordered_bias_gradient(ConstView dy, View dbias) {
  constexpr index group = 32, block = 16, strands = 4;
  const index n = dy.shape[0], out = dy.shape[1];
  for (index j = 0; j < out; ++j) {
    real sum = 0;
    if (j < out / group * group)
      for (index i = 0; i < n; i += block) sum += column_sum(dy, j, i, std::min(n, i + block), 1);
    else
      for (index i = 0; i < strands; ++i) sum += column_sum(dy, j, i, n, strands);
    dbias.data[j] += sum;
  }
}

}  // namespace nn::kernels
