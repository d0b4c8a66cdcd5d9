#include <doctest/doctest.h>

#include "nn/ops.h"

namespace {

using nn::Arena, nn::ConstView, nn::index, nn::real, nn::Shape, nn::Tape, nn::Tensor, nn::Var,
    nn::View;

std::vector<real> numbers(ConstView view) { return {view.begin(), view.end()}; }

// One parameter [1] of the given value.
struct Weight {
  explicit Weight(real value) {
    parameters.add("w", {1});
    parameters.values()[0] = value;
  }
  Var on(Tape& tape) { return tape.parameter({&parameters, 0}); }
  real gradient() const { return parameters.gradients()[0]; }
  nn::Parameters parameters;
};

TEST_CASE("a value used twice gets both gradients") {
  Tape tape;
  Weight w(3);
  const Var x = w.on(tape);
  tape.backward(add(multiply(x, x), x));  // x^2 + x
  CHECK(w.gradient() == 7);
}

TEST_CASE("a diamond is walked once from its end to its start") {
  Tape tape;
  Weight w(2);
  const Var x = w.on(tape);
  const Var left = multiply(x, x), right = add(x, x);
  tape.backward(multiply(left, right));  // 2 x^3
  CHECK(w.gradient() == 24);
  CHECK(left.gradient()[0] == 4);
  CHECK(right.gradient()[0] == 4);
}

TEST_CASE("doubling a value twenty times is walked in twenty steps") {
  Tape tape;
  Weight w(1);
  Var x = w.on(tape);
  for (int i = 0; i < 20; ++i) x = add(x, x);
  tape.backward(x);
  CHECK(x.value()[0] == 1 << 20);
  CHECK(w.gradient() == 1 << 20);
}

TEST_CASE("a parameter that enters a tape twice gets both gradients") {
  Tape tape;
  Weight w(3);
  tape.backward(multiply(w.on(tape), w.on(tape)));
  CHECK(w.gradient() == 6);
}

TEST_CASE("backward begins with its seed and adds to earlier gradients") {
  Tape tape;
  Weight w(3);
  tape.backward(multiply(w.on(tape), w.on(tape)), real(0.5));
  CHECK(w.gradient() == 3);
  tape.reset();
  tape.backward(multiply(w.on(tape), w.on(tape)));
  CHECK(w.gradient() == 9);
  w.parameters.zero_gradients();
  CHECK(w.gradient() == 0);
}

TEST_CASE("what the loss does not depend on has a gradient of zero") {
  Tape tape;
  Weight w(3), other(5);
  const real number = 2;
  const Var constant = tape.constant({&number, {1}}), aside = multiply(other.on(tape), constant);
  tape.backward(multiply(w.on(tape), constant));
  CHECK(other.gradient() == 0);
  CHECK(aside.gradient()[0] == 0);
  CHECK(constant.gradient()[0] == 0);
  CHECK(!constant.needs_gradient());
  CHECK(aside.needs_gradient());
}

TEST_CASE("backward wants one number and backward_data a gradient of the value's shape") {
  Tape tape;
  const Tensor two({2}), four({2, 2});
  const Var x = tape.input(two);
  CHECK_THROWS_WITH_AS(tape.backward(relu(x)), "backward: a loss must be one number, not [2]",
                       nn::Error);
  CHECK_THROWS_AS(tape.backward_data(relu(x), four), nn::Error);
  CHECK_THROWS_AS(tape.reshape(x, {3}), nn::Error);
}

TEST_CASE("the data half reaches inputs only and the weight half parameters only") {
  Tape tape;
  Weight w(3);
  const real five = 5, one = 1;
  const Var x = tape.input({&five, {1}});
  const Var y = multiply(x, w.on(tape));
  tape.backward_data(y, {&one, {1}});
  CHECK(x.gradient()[0] == 3);
  CHECK(w.gradient() == 0);
  tape.backward_weights();
  CHECK(x.gradient()[0] == 3);
  CHECK(w.gradient() == 5);
}

// The message of the Error that the action throws.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const nn::Error& error) {
    return error.what();
  }
  return "nothing";
}

TEST_CASE("a tape is swept once between two resets") {
  Tape tape;
  Weight w(3);
  const real five = 5, one = 1;
  const nn::ConstView dy{&one, {1}};
  const auto forward = [&] {
    tape.reset();
    w.parameters.zero_gradients();
    return multiply(tape.input({&five, {1}}), w.on(tape));
  };
  Var y = forward();
  tape.backward(y);
  CHECK(w.gradient() == 5);
  const std::string again =
      "backward from add: the tape was already swept from multiply; reset() it first";
  CHECK(error_of([&] { tape.backward(add(y, y)); }) == again);
  CHECK(error_of([&] { tape.backward_data(add(y, y), dy); }) ==
        "backward_data from add: the tape was already swept from multiply; reset() it first");
  CHECK(error_of([&] { tape.backward_weights(); }) ==
        "backward_weights: the tape was already swept from multiply; reset() it first");
  CHECK(w.gradient() == 5);

  y = forward();
  CHECK(error_of([&] { tape.backward_weights(); }) == "backward_weights: call backward_data first");
  tape.backward_data(y, dy);
  CHECK(error_of([&] { tape.backward_data(y, dy); }).starts_with("backward_data from multiply"));
  CHECK(error_of([&] { tape.backward(y); }).starts_with("backward from multiply"));
  tape.backward_weights();
  CHECK(error_of([&] { tape.backward_weights(); }).starts_with("backward_weights: the tape was"));
  CHECK(w.gradient() == 5);

  y = forward();
  CHECK(error_of([&] { tape.backward(y); }) == "nothing");
}

TEST_CASE("an op over values that a rule still reads is an error that names both") {
  Tape tape;
  Weight w(3);
  const Var x = multiply(w.on(tape), w.on(tape)), y = silu(x);
  add_(x, w.on(tape));
  CHECK(error_of([&] { tape.backward(y); }) ==
        "silu: its gradient needs the result of multiply, but add_ has overwritten it");
}

TEST_CASE("what was overwritten is no longer there for other ops, under any of its names") {
  Tape tape;
  Weight w(3);
  const Var x = multiply(w.on(tape), w.on(tape)), same = tape.reshape(x, {1, 1});
  const Var y = add_(x, w.on(tape));
  const std::string lost = "it needs the result of multiply, but add_ has overwritten it";
  CHECK(error_of([&] { relu(x); }) == "relu: " + lost);
  CHECK(error_of([&] { relu(same); }) == "relu: " + lost);
  CHECK(error_of([&] { add_(x, w.on(tape)); }) == "add_: " + lost);
  CHECK(error_of([&] { add_(y, x); }) == "add_: " + lost);
  CHECK(error_of([&] { tape.reshape(x, {1, 1}); }) == "reshape: " + lost);
  CHECK(error_of([&] { tape.backward(x); }) == "backward: " + lost);
  CHECK(error_of([&] { add_(tape.constant(w.parameters.value(0)), y); }) ==
        "add_: a value from outside is read-only");
  tape.backward(add_(tape.reshape(y, {1, 1}), same.tape().reshape(w.on(tape), {1, 1})));
  CHECK(w.gradient() == 2 * 3 + 1 + 1);
}

TEST_CASE("a weight that a value was overwritten with gets its gradient before the way back is") {
  Tape tape;
  nn::Parameters parameters;
  parameters.add("w", {2, 2});
  const std::vector<real> ones(4, 1), seed{0.5, -1, 2, 0.25};
  const Var x = tape.input({ones.data(), {2, 2}});
  const Var turned = rotary_embedding_(multiply(x, x), 2, 2);
  tape.backward_data(add_(turned, tape.parameter({&parameters, 0})), {seed.data(), {2, 2}});
  tape.backward_weights();
  CHECK(numbers(parameters.gradient(0)) == seed);
}

TEST_CASE("without recording there are values but no gradients") {
  Tape tape;
  Weight w(3);
  tape.set_recording(false);
  CHECK(!tape.is_recording());
  const Var y = multiply(w.on(tape), w.on(tape));
  CHECK(y.value()[0] == 9);
  CHECK_THROWS_AS(tape.backward(y), nn::Error);
  CHECK(w.gradient() == 0);

  tape.reset();
  CHECK(!tape.is_recording());  // reset forgets values, not the setting
  tape.set_recording(true);
  tape.backward(multiply(w.on(tape), w.on(tape)));
  CHECK(w.gradient() == 6);
}

TEST_CASE("recording takes more memory than inference") {
  const auto used = [](bool is_recording) {
    Tape tape;
    tape.set_recording(is_recording);
    Weight w(1);
    relu(w.on(tape));
    return tape.arena().mark().used;
  };
  CHECK(used(true) > used(false));
}

TEST_CASE("steps after the first take no memory from the system") {
  Tape tape;
  nn::Parameters parameters;
  const int weight = parameters.add("weight", {8, 4, 3, 3}), bias = parameters.add("bias", {8});
  const Tensor images({16, 4, 30, 30});
  const auto step = [&] {
    tape.reset();
    const Var y = conv2d(tape.input(images), tape.parameter({&parameters, weight}),
                         tape.parameter({&parameters, bias}));
    tape.backward(mse_loss(relu(y), tape.constant(Tensor(y.shape()))));
    return tape.arena().capacity();
  };
  const std::size_t after_first = step();
  CHECK(after_first > 0);
  for (int i = 0; i < 5; ++i) CHECK(step() == after_first);
}

TEST_CASE("keep copies and reshape does not") {
  Tape tape;
  std::vector<int> ids{1, 2, 3};
  const std::span<const int> kept = tape.keep(std::span<const int>(ids));
  ids.assign(3, 0);
  CHECK(std::vector<int>(kept.begin(), kept.end()) == std::vector{1, 2, 3});

  const Tensor x({2, 3});
  const Var flat = tape.reshape(tape.input(x), {6});
  CHECK(flat.shape() == Shape{6});
  CHECK(flat.value().data == x.view().data);
}

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
