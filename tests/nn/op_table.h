#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "nn/ops.h"

// Every operation on small inputs, for the tests of gradients and of overwriting.
namespace tests {

using Vars = std::vector<nn::Var>;

struct OpRow {
  std::string name;  // begins with the operation's name
  std::vector<nn::Shape> shapes;
  nn::Var (*apply)(const Vars& x);
};
std::span<const OpRow> op_table();

// Inputs for a row, and its result as one number: the sum of y under fixed weights.
class OpInputs {
 public:
  enum class Role { parameter, input, constant };
  using Roles = std::vector<Role>;

  explicit OpInputs(const OpRow& row) : row_(row) {
    nn::Generator generator(1);
    for (const nn::Shape& shape : row.shapes) {
      const int number = parameters_.add(std::to_string(parameters_.infos().size()), shape);
      const std::vector<int> order = generator.permutation(static_cast<int>(shape.size()));
      const nn::View value = parameters_.value(number);
      // Evenly spaced in (-1.5, 1.5): relu and max-pooling have their kinks at 0 and at ties.
      for (nn::index i = 0; i < value.size(); ++i)
        value[i] = static_cast<nn::real>(3 * (order[i] + 0.75) / order.size() - 1.5);
      if (value.size() == 1) value[0] = nn::real(0.7);
    }
  }

  nn::Tape& tape() { return tape_; }
  nn::Parameters& parameters() { return parameters_; }
  Roles all(Role role) const { return Roles(row_.shapes.size(), role); }

  struct Pass {
    Vars x;
    nn::Var loss;
  };
  Pass forward(const Roles& roles, bool is_recording = true) {
    tape_.reset();
    tape_.set_recording(is_recording);
    Pass pass;
    for (int i = 0; i < static_cast<int>(roles.size()); ++i) {
      const nn::View value = parameters_.value(i);
      pass.x.push_back(roles[i] == Role::parameter ? tape_.parameter({&parameters_, i})
                       : roles[i] == Role::input   ? tape_.input(value)
                                                   : tape_.constant(value));
    }
    pass.loss = weighted_sum(row_.apply(pass.x));
    return pass;
  }

  nn::Var weighted_sum(nn::Var y) {
    const nn::Shape flat{1, y.value().size()};
    const std::span<nn::real> weights = tape_.arena().allocate_array<nn::real>(flat.size());
    nn::Generator(2).uniform(weights, 0.2, 1);
    for (std::size_t i = 0; i < weights.size(); i += 2) weights[i] *= -1;
    return linear(tape_.reshape(y, flat), tape_.constant({weights.data(), flat}));
  }

  double loss() { return forward(all(Role::constant), false).loss.value()[0]; }

  // All gradients after backward(), joined input by input.
  std::vector<nn::real> gradients(const Roles& roles) {
    parameters_.zero_gradients();
    const Pass pass = forward(roles);
    tape_.backward(pass.loss);
    return collect(pass.x);
  }

  std::vector<nn::real> collect(const Vars& x) const {
    std::vector<nn::real> all;
    for (const nn::Var& var : x)
      all.insert(all.end(), var.gradient().begin(), var.gradient().end());
    return all;
  }

 private:
  const OpRow& row_;
  nn::Tape tape_;
  nn::Parameters parameters_;
};

// y = x^2, with a gradient rule under test.
template <class Rule>
nn::Var square(nn::Var x, Rule rule) {
  nn::Var y = x.tape().result("square", x.shape(), x);
  std::ranges::transform(x.value(), x.tape().writable(y).data, [](nn::real v) { return v * v; });
  y.backward_to(x, rule(x.value()));
  return y;
}

}  // namespace tests
