#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <functional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "nn/arena.h"
#include "nn/parameters.h"
#include "nn/precision.h"
#include "nn/real.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

class Tape;

// A value in a computation: a handle to a node of its tape. It must not be used after the tape's
// next reset(); builds with assertions check that.
class Var {
 public:
  Var() = default;
  bool has_value() const { return node_ != nullptr; }
  ConstView value() const { return node().value; }
  const Shape& shape() const { return node().value.shape; }
  bool needs_gradient() const { return node().needs_gradient; }
  Tape& tape() const { return *tape_; }

  // The gradient after a backward sweep; zeros if nothing reached it.
  ConstView gradient() const;

  // Registers how the gradient flows from this value to `target`. In the backward sweep the rule
  // gets dy, this value's gradient, and adds (+=) its share to dx, the target's. The values it
  // reads are named and passed after dx; an empty Var is passed as an empty view:
  //   y.backward_to(x, reads(weight), [n](ConstView dy, View dx, ConstView weight) { ... });
  // So the tape can refuse to apply a rule if a value it reads was overwritten. The captures are
  // kept in the tape's arena: numbers, and data that no op can overwrite.
  template <std::size_t count, class Rule>
  void backward_to(Var target, const std::array<Var, count>& read, Rule rule);
  template <class Rule>
  void backward_to(Var target, Rule rule) {
    backward_to(target, std::array<Var, 0>{}, std::move(rule));
  }

 private:
  friend class Tape;
  struct Node {
    const char* op;  // the op that made it
    View value;
    real* own_gradient = nullptr;   // zeroed when first touched
    bool needs_gradient = false;    // a weight, the stage's input, or computed from either
    bool depends_on_input = false;  // computed from a constant or input, not from weights alone:
                                    // its rules belong to the data half of the backward sweep
    bool is_computed = false;       // by an op, so that its memory is the tape's
    Node* owner = nullptr;  // the node whose memory holds its value and gradient, if another
    // What it overwrote was itself the result of overwriting or reshaping. The rules of that result
    // reuse the memory of this gradient, so its own rules belong to the data half.
    bool is_overwritten_again = false;
    const Node* writer =
        nullptr;  // the node whose op wrote its numbers: itself, or what was reshaped
    const Node* last_writer = nullptr;  // the last node written to its own memory

    Node& memory() { return owner ? *owner : *this; }
    real*& gradient() { return memory().own_gradient; }
    // Throws Error, naming the reader, if an op has overwritten it since.
    void require_intact(const char* reader, const char* needs = "it needs");
  };
  inline Var(Tape& tape, Node& node);
  inline Node& node() const;

  Tape* tape_ = nullptr;
  Node* node_ = nullptr;
  int generation_ = 0;
};

// The values that a rule reads, for backward_to().
template <class... Vars>
std::array<Var, sizeof...(Vars)> reads(Vars... values) {
  return {values...};
}

// Records a computation so that it can be differentiated backwards. Values, gradients and rules
// live in its arena; reset() discards them all and keeps the memory.
class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Arena& arena() { return arena_; }
  const Arena& arena() const { return arena_; }
  void reset();

  // The threads that run the loops of ops and rules. The default is the caller's thread alone. A
  // team must outlive the sweeps.
  void set_team(Team& team) { team_ = &team; }
  Team& team() { return *team_; }

  // Of the products of linear layers, convolutions, attention and the head (nn/precision.h says
  // which). The default is full.
  void set_precision(Precision precision) { precision_ = precision; }
  Precision precision() const { return precision_; }

  // The op that computes its value or a gradient now, or did so last: for profiles.
  const char* current_op() const { return current_op_; }

  // When off, ops compute values but register no rules. For evaluation and generation.
  void set_recording(bool on) { recording_ = on; }
  bool is_recording() const { return recording_; }

  // Values from outside. The numbers belong to the caller and must outlive the sweep.
  Var constant(ConstView value);            // no gradient: images, targets
  Var input(ConstView value);               // the stage's input, with a gradient
  Var parameter(const Parameter& weights);  // its gradient is added to weights.gradient()

  // A new value that `op` computes from `sources`, uninitialised. Ops fill it through writable()
  // and then register its rules.
  template <class... Sources>
  Var result(const char* op, Shape shape, Sources... sources) {
    (require_intact(op, sources), ...);
    return make_result(op, shape, (has_gradient(sources) || ...), (has_input(sources) || ...));
  }
  View writable(Var result) { return result.node().value; }

  // A copy in the arena, for a gradient rule to read later.
  template <class T>
  std::span<const T> keep(std::span<const T> values) {
    const std::span<T> copy = arena_.allocate_array<T>(values.size());
    std::ranges::copy(values, copy.begin());
    return copy;
  }

  // The same numbers in another shape. Neither they nor their gradient are copied.
  Var reshape(Var x, Shape shape);

  // A new value, computed from x and `others`, in the memory of x and of its gradient, so that an
  // op may overwrite x. Afterwards ops that use x throw Error, and so does a backward sweep at a
  // rule that reads x. A rule for x gets the same memory as dy and dx; without one, dx = dy.
  template <class... Sources>
  Var overwrite(const char* op, Var x, Sources... others) {
    (require_intact(op, others), ...);
    return make_overwriting(op, x, (has_gradient(others) || ...), (has_input(others) || ...));
  }

  // Sets d loss = seed, then applies the rules from last to first. Throws Error if the tape was
  // swept since its last reset(), because its gradients are used up.
  void backward(Var loss, real seed = 1);

  // The same sweep in two halves. The first follows paths to the inputs, so that an input's
  // gradient can be sent on early; the second follows paths that lead to weights only. Together
  // they give exactly the result of backward(). If an op overwrote a value that was itself
  // overwritten or reshaped, the weights it read get their gradients in the first half. Fast
  // convolutions compute those of their weights in the first half, too, but add them in the second.
  // Throw Error unless each is called once, in this order.
  //
  // before(i, last) is called before rule number i of the second half; its weight gets nothing more
  // after rule number `last`, which is another one if the weight is used twice. Tapes of the same
  // computation have the same rules, so that several can take turns with each weight.
  void backward_data(Var y, ConstView dy);
  using Turn = std::function<void(int rule, int last)>;
  void backward_weights(const Turn& before = {});

 private:
  friend class Var;
  using Node = Var::Node;
  enum class Half { none, data, weights, both };

  struct Rule {
    Rule* previous;
    Node* output;
    Node* target;
    void (*apply)(Rule*, ConstView dy, View dx);
  };
  template <std::size_t count, class Function>
  struct RuleOf : Rule {
    std::array<Node*, count> read;
    Function function;

    static void apply_to(Rule* self, ConstView dy, View dx) {
      auto* rule = static_cast<RuleOf*>(self);
      for (Node* node : rule->read)
        if (node) node->require_intact(rule->output->op, "its gradient needs");
      std::apply([&](auto*... nodes) { rule->function(dy, dx, value_of(nodes)...); }, rule->read);
    }
  };
  static ConstView value_of(const Node* node) { return node ? node->value : ConstView{}; }
  static void require_intact(const char* reader, Var v) {
    if (v.has_value()) v.node().require_intact(reader);
  }

  static bool has_gradient(Var v) { return v.has_value() && v.node().needs_gradient; }
  static bool has_input(Var v) { return v.has_value() && v.node().depends_on_input; }
  Node& make_node(const Node& node);
  Node& enter(const char* op, ConstView value, bool needs_gradient, bool depends_on_input);
  Var make_result(const char* op, Shape shape, bool needs_gradient, bool depends_on_input);
  Var make_overwriting(const char* op, Var x, bool needs_gradient, bool depends_on_input);
  View gradient_of(Node& node);
  void seed_gradient(const char* half, Var y, ConstView dy);
  void sweep(Half half, const Turn& before = {});
  static bool belongs_to(Half half, const Rule& rule);
  static int last_of_weight(const Rule* first, int number);

  Arena arena_;
  Team alone_;
  Team* team_ = &alone_;
  Precision precision_ = Precision::full;
  Rule* last_rule_ = nullptr;
  const char* current_op_ = "";
  const char* swept_from_ = "";  // the op of the value that the sweep started from
  Half swept_ = Half::none;
  bool recording_ = true;
  int generation_ = 0;
};

inline Var::Var(Tape& tape, Node& node)
    : tape_(&tape), node_(&node), generation_(tape.generation_) {}

inline Var::Node& Var::node() const {
  assert(tape_ && generation_ == tape_->generation_ && "this Var is older than its tape's reset()");
  return *node_;
}

template <std::size_t count, class Function>
void Var::backward_to(Var target, const std::array<Var, count>& read, Function function) {
  static_assert(std::is_trivially_destructible_v<Function>,
                "a gradient rule lives in an arena: let it capture views and numbers only");
  if (!target.has_value() || !target.needs_gradient() || !tape_->is_recording()) return;
  using Rule = Tape::RuleOf<count, Function>;
  auto* rule = new (tape_->arena_.allocate(sizeof(Rule)))
      Rule{{tape_->last_rule_, node_, target.node_, Rule::apply_to}, {}, std::move(function)};
  std::ranges::transform(read, rule->read.begin(), &Var::node_);
  tape_->last_rule_ = rule;
}

}  // namespace nn
