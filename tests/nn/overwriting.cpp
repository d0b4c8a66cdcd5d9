#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "nn/base/error.h"
#include "tests/nn/op_table.h"

namespace tests {

namespace {

using nn::ConstView, nn::index, nn::real, nn::Tape, nn::Var, nn::View;

// The effect on a row's gradients of overwriting a value before the backward sweep: each of its
// inputs in turn, then its result.
enum class Outcome { same, refused, spoiled };
std::vector<Outcome> outcomes_of_overwriting(const OpRow& row) {
  const auto count = static_cast<int>(row.shapes.size());
  const auto gradients_with = [&](int overwritten) {
    OpInputs inputs(row);
    Tape& tape = inputs.tape();
    Vars x;
    for (int i = 0; i < count; ++i) {
      const Var weight = tape.parameter({&inputs.parameters(), i});
      const std::span<real> ones = tape.arena().allocate_array<real>(weight.value().size());
      std::ranges::fill(ones, real(1));
      x.push_back(multiply(weight, tape.constant({ones.data(), weight.shape()})));
    }
    const Var y = row.apply(x), loss = inputs.weighted_sum(y);
    if (overwritten >= 0) {
      const Var target = overwritten < count ? x[overwritten] : y;
      std::ranges::fill(tape.writable(tape.overwrite("spoil", target)), real(123));
    }
    tape.backward(loss);
    const auto gradients = inputs.parameters().gradients();
    return std::vector<real>(gradients.begin(), gradients.end());
  };
  const std::vector<real> expected = gradients_with(-1);
  std::vector<Outcome> outcomes;
  for (int overwritten = 0; overwritten <= count; ++overwritten) {
    CAPTURE(overwritten);
    try {
      const bool is_same = gradients_with(overwritten) == expected;
      outcomes.push_back(is_same ? Outcome::same : Outcome::spoiled);
    } catch (const nn::Error& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find(": its gradient needs the result of ") != message.npos);
      CHECK(message.ends_with(", but spoil has overwritten it"));
      outcomes.push_back(Outcome::refused);
    }
  }
  return outcomes;
}

TEST_CASE("overwriting what a rule reads is an error, and overwriting anything else is harmless") {
  for (const OpRow& row : op_table()) {
    CAPTURE(row.name);
    CHECK(std::ranges::count(outcomes_of_overwriting(row), Outcome::spoiled) == 0);
  }
}

// A rule that does not declare what it reads.
const OpRow careless{"careless", {{2, 3}}, [](const Vars& x) {
                       return square(x[0], [](ConstView v) {
                         return [v](ConstView dy, View dx) {
                           for (index i = 0; i < dx.size(); ++i) dx[i] += 2 * dy[i] * v[i];
                         };
                       });
                     }};

TEST_CASE("the overwriting check catches a rule that does not say what it reads") {
  using enum Outcome;
  CHECK(outcomes_of_overwriting(careless) == std::vector{spoiled, same});
  const auto outcomes_of = [](const std::string& name) {
    return outcomes_of_overwriting(*std::ranges::find(op_table(), name, &OpRow::name));
  };
  CHECK(outcomes_of("add of equal shapes") == std::vector{same, same, same});
  CHECK(outcomes_of("multiply of equal shapes") == std::vector{refused, refused, same});
  CHECK(outcomes_of("linear with a bias") == std::vector{refused, refused, same, same});
  CHECK(outcomes_of("softmax") == std::vector{same, refused});
  CHECK(outcomes_of("conv2d of many channels") == std::vector{refused, refused, same, same});
  CHECK(outcomes_of("conv2d of one channel and a relu") ==
        std::vector{refused, refused, same, refused});
}

}  // namespace

}  // namespace tests
