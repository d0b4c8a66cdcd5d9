#include "nn/tape.h"

#include <algorithm>

namespace nn {

ConstView Var::gradient() const { return tape_->gradient_of(node()); }

void Tape::reset() {
  arena_.reset();
  last_rule_ = nullptr;
  ++generation_;
}

Var Tape::make_result(Shape shape, bool needs_gradient, bool depends_on_input) {
  const View value{arena_.allocate_array<real>(shape.size()).data(), shape};
  return {*this, *new (arena_.allocate(sizeof(Node)))
                     Node{value, nullptr, needs_gradient, depends_on_input, true}};
}

// What enters is only ever read: no op writes to a value that it did not make.
Var::Node& Tape::enter(ConstView value, bool needs_gradient, bool depends_on_input) {
  const View readable{const_cast<real*>(value.data), value.shape};
  return *new (arena_.allocate(sizeof(Node)))
      Node{readable, nullptr, needs_gradient, depends_on_input};
}

Var Tape::constant(ConstView value) { return {*this, enter(value, false, true)}; }

Var Tape::input(ConstView value) { return {*this, enter(value, true, true)}; }

Var Tape::parameter(const Parameter& weights) {
  Node& node = enter(weights.value(), true, false);
  node.own_gradient = weights.gradient().data;
  return {*this, node};
}

Var Tape::reshape(Var x, Shape shape) {
  Node& source = x.node();
  Node& node = *new (arena_.allocate(sizeof(Node))) Node(source);
  node.value = source.value.reshaped(shape);
  if (!source.owner) node.owner = &source;
  return {*this, node};
}

Var Tape::make_overwriting(Var x, bool needs_gradient, bool depends_on_input) {
  require(x.node().is_computed, "overwrite: a value that entered is only read");
  Var y = reshape(x, x.shape());
  y.node().needs_gradient |= needs_gradient;
  y.node().depends_on_input |= depends_on_input;
  y.node().is_overwritten_again = x.node().owner;
  return y;
}

View Tape::gradient_of(Node& node) {
  if (!node.gradient()) {
    real* gradient = arena_.allocate_array<real>(node.value.size()).data();
    team_->split(node.value.size(), 16384, [gradient](index begin, index end) {
      std::fill(gradient + begin, gradient + end, real(0));
    });
    node.gradient() = gradient;
  }
  return {node.gradient(), node.value.shape};
}

void Tape::seed_gradient(Var y, ConstView dy) {
  require(recording_, "backward: the tape was told not to record");
  require(dy.shape == y.shape(), "backward: the gradient has shape ", dy.shape,
          ", the value has shape ", y.shape());
  std::ranges::transform(gradient_of(y.node()), dy, gradient_of(y.node()).begin(), std::plus<>());
}

void Tape::backward(Var loss, real seed) {
  require(loss.value().size() == 1, "backward: a loss is one number, not ", loss.shape());
  seed_gradient(loss, {&seed, loss.shape()});
  sweep(Half::both);
}

void Tape::backward_data(Var y, ConstView dy) {
  seed_gradient(y, dy);
  sweep(Half::data);
}

void Tape::backward_weights() { sweep(Half::weights); }

void Tape::sweep(Half half) {
  for (Rule* rule = last_rule_; rule; rule = rule->previous) {
    const bool is_data_rule =
        rule->target->depends_on_input ||
        (rule->output->is_overwritten_again && rule->output->depends_on_input);
    if (half != Half::both && is_data_rule != (half == Half::data)) continue;
    if (!rule->output->gradient()) continue;  // nothing that counts was computed from it
    rule->apply(rule, {rule->output->gradient(), rule->output->value.shape},
                gradient_of(*rule->target));
  }
}

}  // namespace nn
