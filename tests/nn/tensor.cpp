#include "nn/tensor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "nn/arena.h"
#include "nn/parameters.h"
#include "tests/nn/numbers.h"

namespace {

using nn::Arena, nn::ConstView, nn::index, nn::real, nn::Shape, nn::Tensor, nn::View;
using tests::numbers;

TEST_CASE("a shape has up to four extents, none negative") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(shape.size() == 24);
  CHECK(shape.rows() == 6);
  CHECK(shape.columns() == 4);
  CHECK(shape.with_columns(5) == Shape{2, 3, 5});
  CHECK(nn::concat(shape) == "[2, 3, 4]");
  CHECK(nn::concat(Shape{}) == "[]");
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{}.rows() == 1);
  CHECK(Shape{3, 0}.size() == 0);
  CHECK(Shape{3, 0}.rows() == 0);
  CHECK(Shape{3} != Shape{3, 1});
  CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5}), nn::Error);
  CHECK_THROWS_AS((Shape{2, -1}), nn::Error);
}

TEST_CASE("a shape whose numbers could not be counted is refused") {
  constexpr index half = index{1} << 30;
  CHECK(Shape{half, half}.size() == Shape::max_size);
  CHECK_THROWS_AS(Shape({half, half, 2}), nn::Error);
  CHECK_THROWS_AS(Shape({half, half, half, half}), nn::Error);  // 2^120
  CHECK_THROWS_AS(Shape({half, half, half, 0}), nn::Error);
  CHECK_THROWS_AS(Shape({-1}), nn::Error);
  CHECK_THROWS_AS((Shape{half, 1}.with_columns(4 * half)), nn::Error);
  CHECK_THROWS_AS((Shape{2, 2}.with_columns(-1)), nn::Error);
}

TEST_CASE("a tensor owns its numbers and a view looks at them") {
  Tensor tensor({2, 3});
  CHECK(numbers(tensor) == std::vector<real>(6, 0));
  const View view = tensor;
  view[5] = 7;
  CHECK(tensor[5] == 7);
  CHECK(view.reshaped({3, 2}).data == view.data);
  CHECK_THROWS_AS(view.reshaped({4}), nn::Error);
  const ConstView constant = view;
  CHECK(constant.span().size() == 6);

  Tensor copy = tensor;
  copy[5] = 8;
  CHECK(tensor[5] == 7);
  const Tensor given({2}, {1, 2});
  CHECK(given[1] == 2);
  CHECK_THROWS_AS(Tensor({2}, {1, 2, 3}), nn::Error);
}

TEST_CASE("parameters lie one after the other and have names of their own") {
  nn::Parameters parameters;
  const int first = parameters.add("a", {2}), second = parameters.add("b", {3, 2});
  CHECK(parameters.size() == 8);
  CHECK(parameters.value(second).data == parameters.values().data() + 2);
  CHECK(parameters.gradient(second).data == parameters.gradients().data() + 2);
  CHECK(parameters.value(first).shape == Shape{2});
  REQUIRE(parameters.find("b"));
  CHECK(parameters.find("b")->offset == 2);
  CHECK(!parameters.find("c"));
  CHECK_THROWS_AS(parameters.add("a", {1}), nn::Error);
  CHECK(parameters.size() == 8);
}

TEST_CASE("an arena hands out aligned memory that does not overlap") {
  Arena arena;
  std::vector<std::span<std::byte>> parts;
  const auto take = [&](std::size_t size) {
    const auto part = arena.allocate_array<std::byte>(size);
    CHECK(part.size() == size);
    CHECK(reinterpret_cast<std::uintptr_t>(part.data()) % 64 == 0);
    parts.push_back(part);
    std::ranges::fill(part, static_cast<std::byte>(parts.size()));
  };
  for (std::size_t size : {1, 63, 64, 65, 4096, 0, 3, 1 << 20}) take(size);
  take(arena.capacity() + 1);  // needs a block of its own
  take(100);
  for (std::size_t i = 0; i < parts.size(); ++i)
    CHECK(std::ranges::all_of(parts[i], [i](std::byte b) { return b == std::byte(i + 1); }));
}

TEST_CASE("an arena gives the same memory again after a rewind") {
  Arena arena;
  arena.allocate(100);
  const Arena::Mark mark = arena.mark();
  void* const small = arena.allocate(1000);
  const std::size_t more_than_a_block = arena.capacity() + 1;
  void* const large = arena.allocate(more_than_a_block);
  void* const last = arena.allocate(1000);
  const std::size_t capacity = arena.capacity();
  for (int i = 0; i < 3; ++i) {
    arena.rewind(mark);
    CHECK(arena.allocate(1000) == small);
    CHECK(arena.allocate(more_than_a_block) == large);
    CHECK(arena.allocate(1000) == last);
  }
  arena.reset();
  CHECK(arena.allocate(100) != small);
  CHECK(arena.allocate(1000) == small);
  CHECK(arena.capacity() == capacity);
  CHECK(arena.touched() == 128 + 1024 + more_than_a_block + 63 + 1024);  // in lines of 64 bytes
}

TEST_CASE("working memory is free again at the end of its scope") {
  Arena arena;
  double* first = nullptr;
  {
    nn::Scratch scratch(arena);
    first = scratch.array<double>(10);
  }
  nn::Scratch scratch(arena);
  CHECK(scratch.array<double>(10) == first);
}

}  // namespace
