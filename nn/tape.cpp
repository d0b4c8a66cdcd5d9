#include "nn/tape.h"

#include <algorithm>
#include <functional>
#include <new>

#include "nn/base/error.h"
#include "nn/parameters.h"
#include "nn/real.h"
#include "nn/tensor.h"

namespace nn {

ConstView Var::gradient() const { return tape_->gradient_of(node()); }

void Var::Node::require_intact(const char* reader, const char* needs) {
  const Node* last = memory().last_writer;
  require(last == writer, reader, ": ", needs, " the result of ", writer->op, ", but ", last->op,
          " has overwritten it");
}

void Tape::reset() {
  arena_.reset();
  last_rule_ = nullptr;
  swept_ = Half::none;
  ++generation_;
}

Var::Node& Tape::make_node(const Node& node) {
  Node& made = *new (arena_.allocate(sizeof(Node))) Node(node);
  made.writer = made.last_writer = &made;
  return made;
}

Var Tape::make_result(const char* op, Shape shape, bool needs_gradient, bool depends_on_input) {
  current_op_ = op;
  const View value{arena_.allocate_array<real>(shape.size()).data(), shape};
  return {*this, make_node({op, value, nullptr, needs_gradient, depends_on_input, true})};
}

// Values from outside are only read: ops write only to values made by an op.
Var::Node& Tape::enter(const char* op, ConstView value, bool needs_gradient,
                       bool depends_on_input) {
  const View readable{const_cast<real*>(value.data), value.shape};
  return make_node({op, readable, nullptr, needs_gradient, depends_on_input});
}

Var Tape::constant(ConstView value) { return {*this, enter("constant", value, false, true)}; }

Var Tape::input(ConstView value) { return {*this, enter("input", value, true, true)}; }

Var Tape::parameter(const Parameter& weights) {
  Node& node = enter("parameter", weights.value(), true, false);
  node.own_gradient = weights.gradient().data;
  return {*this, node};
}

Var Tape::reshape(Var x, Shape shape) {
  Node& source = x.node();
  source.require_intact("reshape");
  Node& node = make_node(source);
  node.value = source.value.reshaped(shape);
  node.owner = &source.memory();
  node.writer = source.writer;
  return {*this, node};
}

Var Tape::make_overwriting(const char* op, Var x, bool needs_gradient, bool depends_on_input) {
  current_op_ = op;
  require(x.node().is_computed, op, ": a value from outside is read-only");
  Node& source = x.node();
  source.require_intact(op);
  Node& node = make_node(source);
  node.op = op;
  node.owner = &source.memory();
  node.owner->last_writer = &node;
  node.needs_gradient |= needs_gradient;
  node.depends_on_input |= depends_on_input;
  node.is_overwritten_again = source.owner;
  return {*this, node};
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

void Tape::seed_gradient(const char* half, Var y, ConstView dy) {
  require(recording_, "backward: the tape is not recording");
  require(dy.shape == y.shape(), "backward: the gradient has shape ", dy.shape,
          ", the value has shape ", y.shape());
  require(swept_ == Half::none, half, " from ", y.node().op, ": the tape was already swept from ",
          swept_from_, "; reset() it first");
  y.node().require_intact(half);
  swept_from_ = y.node().op;
  std::ranges::transform(gradient_of(y.node()), dy, gradient_of(y.node()).begin(), std::plus<>());
}

void Tape::backward(Var loss, real seed) {
  require(loss.value().size() == 1, "backward: a loss must be one number, not ", loss.shape());
  seed_gradient("backward", loss, {&seed, loss.shape()});
  sweep(Half::both);
}

void Tape::backward_data(Var y, ConstView dy) {
  seed_gradient("backward_data", y, dy);
  sweep(Half::data);
}

void Tape::backward_weights(const Turn& before) {
  require(swept_ != Half::none, "backward_weights: call backward_data first");
  require(swept_ == Half::data, "backward_weights: the tape was already swept from ", swept_from_,
          "; reset() it first");
  sweep(Half::weights, before);
}

bool Tape::belongs_to(Half half, const Rule& rule) {
  const bool is_data_rule = rule.target->depends_on_input ||
                            (rule.output->is_overwritten_again && rule.output->depends_on_input);
  return half == Half::both || is_data_rule == (half == Half::data);
}

// The number of the last rule that adds to the weight of `first`, which has this number.
int Tape::last_of_weight(const Rule* first, int number) {
  const real* const weight = first->target->gradient();
  int last = number;
  for (const Rule* rule = first->previous; rule && weight; rule = rule->previous)
    if (belongs_to(Half::weights, *rule) && (++number, rule->target->gradient() == weight))
      last = number;
  return last;
}

void Tape::sweep(Half half, const Turn& before) {
  swept_ = half;
  int number = 0;
  for (Rule* rule = last_rule_; rule; rule = rule->previous) {
    if (!belongs_to(half, *rule)) continue;
    if (before) before(number, last_of_weight(rule, number));
    ++number;
    if (!rule->output->gradient()) continue;  // the loss does not depend on it
    current_op_ = rule->output->op;
    rule->apply(rule, {rule->output->gradient(), rule->output->value.shape},
                gradient_of(*rule->target));
  }
}

}  // namespace nn
