#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/base/error.h"
#include "nn/real.h"

namespace nn {

using index = std::int64_t;

// Up to four extents, outermost first: [n, channels, height, width]. Their product is at most
// max_size, so neither the number of elements nor that of bytes overflows.
class Shape {
 public:
  static constexpr int max_rank = 4;
  static constexpr index max_size = index{1} << 60;

  Shape() = default;
  Shape(std::initializer_list<index> extents) : Shape(std::span(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const index> extents) : rank_(static_cast<int>(extents.size())) {
    require(extents.size() <= max_rank, "a shape has at most ", max_rank, " dimensions, not ",
            extents.size());
    for (int i = 0; i < rank_; ++i) {
      require(extents[i] >= 0, "a shape cannot have the extent ", extents[i]);
      extents_[i] = extents[i];
    }
    index product = 1;
    for (index extent : extents)
      require(!__builtin_mul_overflow(product, extent, &product) && product <= max_size,
              "the shape ", *this, " has more than ", max_size, " numbers");
  }

  int rank() const { return rank_; }
  index operator[](int i) const { return extents_[i < 0 ? i + rank_ : i]; }
  index size() const {
    index product = 1;
    for (index extent : extents()) product *= extent;
    return product;
  }
  std::span<const index> extents() const { return {extents_.data(), static_cast<size_t>(rank_)}; }

  // Read as a matrix: the last extent is the length of a row, the product of the others the number
  // of rows.
  index columns() const { return rank_ == 0 ? 1 : extents_[rank_ - 1]; }
  index rows() const { return columns() == 0 ? 0 : size() / columns(); }

  // The same shape with its last extent replaced.
  Shape with_columns(index columns) const {
    std::array<index, max_rank> changed = extents_;
    changed[rank_ - 1] = columns;
    return Shape(std::span(changed).first(rank_));
  }

  friend bool operator==(const Shape&, const Shape&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    out << '[';
    for (int i = 0; i < shape.rank_; ++i) out << (i ? ", " : "") << shape.extents_[i];
    return out << ']';
  }

 private:
  std::array<index, max_rank> extents_{};
  int rank_ = 0;
};

// A view of numbers owned elsewhere, with a shape: dense and row-major. It is to Tensor what
// string_view is to string.
template <class T>
struct BasicView {
  T* data = nullptr;
  Shape shape;

  BasicView() = default;
  BasicView(T* data, Shape shape) : data(data), shape(shape) {}
  template <class U>
  requires std::is_same_v<T, const U> BasicView(BasicView<U> other)
      : data(other.data), shape(other.shape) {}  // View -> ConstView

  index size() const { return shape.size(); }
  T* begin() const { return data; }
  T* end() const { return data + size(); }
  T& operator[](index i) const {
    assert(i >= 0 && i < size());
    return data[i];
  }
  std::span<T> span() const { return {data, static_cast<size_t>(size())}; }
  BasicView reshaped(Shape other) const {
    require(other.size() == size(), "cannot read shape ", shape, " as ", other);
    return {data, other};
  }
};
using View = BasicView<real>;
using ConstView = BasicView<const real>;
static_assert(std::is_trivially_copyable_v<View>);

// Owns its numbers, which are initially zero.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape) : values_(shape.size()), shape_(shape) {}
  Tensor(Shape shape, std::vector<real> values) : values_(std::move(values)), shape_(shape) {
    require(static_cast<index>(values_.size()) == shape.size(), "tensor: ", values_.size(),
            " values do not fill the shape ", shape);
  }

  const Shape& shape() const { return shape_; }
  index size() const { return shape_.size(); }
  View view() { return {values_.data(), shape_}; }
  ConstView view() const { return {values_.data(), shape_}; }
  operator View() { return view(); }
  operator ConstView() const { return view(); }
  std::span<real> span() { return values_; }
  std::span<const real> span() const { return values_; }
  real& operator[](index i) { return values_[i]; }
  real operator[](index i) const { return values_[i]; }

 private:
  std::vector<real> values_;
  Shape shape_;
};

}  // namespace nn
