#include <doctest/doctest.h>

#include <string>

#include "nn/ops.h"
#include "tests/nn/numbers.h"

namespace {

using nn::Arena, nn::ConstView, nn::index, nn::real, nn::Shape, nn::Tape, nn::Tensor, nn::Var,
    nn::View;
using tests::numbers;

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

TEST_CASE("a tape says which op it computes, forwards and backwards") {
  Tape tape;
  Weight w(3);
  const Var x = w.on(tape);
  const Var square = multiply(x, x);
  CHECK(std::string(tape.current_op()) == "multiply");
  const Var y = add(square, x);
  CHECK(std::string(tape.current_op()) == "add");
  tape.backward(y);
  CHECK(std::string(tape.current_op()) == "multiply");
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

TEST_CASE("an overwritten value is lost to other ops, under any of its names") {
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

TEST_CASE("a weight added in place gets its gradient before the sweep overwrites it") {
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

}  // namespace
