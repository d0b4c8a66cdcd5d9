#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "nn/arena.h"
#include "nn/parameters.h"
#include "nn/team.h"
#include "nn/tensor.h"

namespace nn {

class Tape;

// A value in a computation: a handle to a node of its tape. It must not outlive the tape's next
// reset(); builds with assertions check that.
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

  // Says how a change of `target` changes this value. On the way back the rule is called with
  // dy, this value's gradient, and adds (+=) its share to dx, the target's. Values that it reads
  // are named, and given to it after dx; an empty Var is given as an empty view:
  //   y.backward_to(x, reads(weight), [n](ConstView dy, View dx, ConstView weight) { ... });
  // So the tape can refuse to apply a rule when what it reads was overwritten. The captures are
  // kept in the tape's arena: numbers, and what no op can overwrite.
  template <std::size_t count, class Rule>
  void backward_to(Var target, const std::array<Var, count>& read, Rule rule);
  template <class Rule>
  void backward_to(Var target, Rule rule) {
    backward_to(target, std::array<Var, 0>{}, std::move(rule));
  }

 private:
  friend class Tape;
  struct Node {
    const char* op;  // that made it
    View value;
    real* own_gradient = nullptr;   // zeroed when first touched
    bool needs_gradient = false;    // a weight, or computed from one, or from the stage's input
    bool depends_on_input = false;  // computed from what entered the tape, not from weights alone:
                                    // rules for it belong to the data half of the backward sweep
    bool is_computed = false;       // it did not enter, so its numbers are the tape's
    Node* owner = nullptr;  // whose memory its value and its gradient are in, if not its own
    bool is_overwritten_again = false;  // its gradient, by the rules of what it overwrote
    const Node* writer = nullptr;       // whose op wrote its numbers; itself but for a reshape
    const Node* last_writer = nullptr;  // to its own memory

    Node& memory() { return owner ? *owner : *this; }
    real*& gradient() { return memory().own_gradient; }
    // Throws Error, naming who reads it, if an op has overwritten it since.
    void require_intact(const char* reader, const char* needs = "it needs");
  };
  inline Var(Tape& tape, Node& node);
  inline Node& node() const;

  Tape* tape_ = nullptr;
  Node* node_ = nullptr;
  int generation_ = 0;
};

// What a rule reads, for backward_to().
template <class... Vars>
std::array<Var, sizeof...(Vars)> reads(Vars... values) {
  return {values...};
}

// Remembers a computation in order to walk it backwards. Values, gradients and rules live in its
// arena; reset() forgets them all and keeps the memory.
class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Arena& arena() { return arena_; }
  void reset();

  // Who goes through the loops of ops and rules: the caller's thread alone, if nobody else was
  // named. A team must outlive the sweeps.
  void set_team(Team& team) { team_ = &team; }
  Team& team() { return *team_; }

  // Off: values only, no rules. For testing and generation.
  void set_recording(bool on) { recording_ = on; }
  bool is_recording() const { return recording_; }

  // Where values enter. The numbers stay the caller's and must outlive the sweep.
  Var constant(ConstView value);            // no gradient: images, targets
  Var input(ConstView value);               // the stage's input: its gradient is wanted
  Var parameter(const Parameter& weights);  // its gradient is added to weights.gradient()

  // A new value that `op` computes from `sources`, not initialised. Ops fill it through writable()
  // and then name its rules.
  template <class... Sources>
  Var result(const char* op, Shape shape, Sources... sources) {
    (require_intact(op, sources), ...);
    return make_result(op, shape, (has_gradient(sources) || ...), (has_input(sources) || ...));
  }
  View writable(Var result) { return result.node().value; }

  // A copy in the arena, for what a gradient rule needs to read later.
  template <class T>
  std::span<const T> keep(std::span<const T> values) {
    const std::span<T> copy = arena_.allocate_array<T>(values.size());
    std::ranges::copy(values, copy.begin());
    return copy;
  }

  // The same numbers in another shape; neither they nor their gradient are copied.
  Var reshape(Var x, Shape shape);

  // A new value, computed from x and `others`, in the memory of x and of its gradient: an op may
  // write over x's numbers. Ops that use x from then on throw Error, and so does a backward sweep
  // that meets a rule that reads them. A rule for x gets the same memory as dy and as dx; without
  // one, dx = dy.
  template <class... Sources>
  Var overwrite(const char* op, Var x, Sources... others) {
    (require_intact(op, others), ...);
    return make_overwriting(op, x, (has_gradient(others) || ...), (has_input(others) || ...));
  }

  // d loss = seed, then every rule from the last to the first. Throws Error if the tape was swept
  // since its last reset(): the gradients on it are used up.
  void backward(Var loss, real seed = 1);

  // The same sweep in two halves: first what leads to the values that entered, so that an input's
  // gradient can travel on, later what leads to weights only. Together they give exactly what
  // backward() gives. Where an op overwrote what was in shared memory already, overwritten or
  // reshaped, the weights that it read get their gradient in the first half. Each half once, in
  // this order; else they throw Error.
  void backward_data(Var y, ConstView dy);
  void backward_weights();

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
  void sweep(Half half);

  Arena arena_;
  Team alone_;
  Team* team_ = &alone_;
  Rule* last_rule_ = nullptr;
  const char* swept_from_ = "";  // the op
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
