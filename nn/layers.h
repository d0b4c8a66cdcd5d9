#pragma once

#include <string>

#include "nn/ops.h"
#include "nn/random.h"

namespace nn {

// Where a layer finds its weights: the model's parameters, a name in front of its own, and the
// generator for their first values. Layers made in PyTorch's order from a generator of the same
// seed start with PyTorch's weights.
class Scope {
 public:
  Scope(Parameters& parameters, Generator& generator, std::string prefix = "")
      : parameters_(&parameters), generator_(&generator), prefix_(std::move(prefix)) {}

  // scope("model")("norm") names its weights "model.norm.weight".
  Scope operator()(const std::string& name) const {
    return {*parameters_, *generator_, prefix_ + name + '.'};
  }

  Parameter uniform(const std::string& name, Shape shape, double bound) const;
  Parameter normal(const std::string& name, Shape shape, double deviation) const;
  Parameter constant(const std::string& name, Shape shape, real value) const;

 private:
  Parameter add(const std::string& name, Shape shape) const;
  Parameters* parameters_;
  Generator* generator_;
  std::string prefix_;
};

// y[..., out] = x[..., in] weight^T + bias
class Linear {
 public:
  Linear(const Scope& scope, index in, index out);
  Var operator()(Var x) const;

 private:
  Parameter weight_, bias_;
};

// y[..., out] = x[..., in] weight^T, first values N(0, deviation)
class Projection {
 public:
  Projection(const Scope& scope, index in, index out, double deviation);
  Var operator()(Var x) const;
  const Parameter& weight() const { return weight_; }

 private:
  Parameter weight_;
};

// [n, in, height, width] -> [n, out, ...]
class Conv2d {
 public:
  Conv2d(const Scope& scope, index in, index out, index kernel, index stride = 1,
         index padding = 0);
  Var operator()(Var x, Then then = Then::nothing) const;

 private:
  Parameter weight_, bias_;
  index stride_, padding_;
};

// Whether the dropout layers of a model drop, and by which masks. One of it per model.
struct DropoutContext {
  DropoutMasks* masks = nullptr;  // null: nothing is dropped
  index first_row = 0;            // of the batch that the masks are for
  int layers = 0;
};

class Dropout {
 public:
  Dropout(DropoutContext& context, double probability);
  Var operator()(Var x) const;

 private:
  DropoutContext* context_;
  double probability_;
  int layer_;
};

// [ids] -> [ids, d], first values N(0, deviation)
class Embedding {
 public:
  Embedding(const Scope& scope, index vocabulary, index d, double deviation = 1);
  Var operator()(Tape& tape, std::span<const int> ids) const;

 private:
  Parameter weight_;
};

class LayerNorm {
 public:
  LayerNorm(const Scope& scope, index d, real epsilon = 1e-5);
  Var operator()(Var x) const;

 private:
  Parameter weight_, bias_;
  real epsilon_;
};

class RmsNorm {
 public:
  RmsNorm(const Scope& scope, index d, real epsilon = 1e-6);
  Var operator()(Var x) const;

 private:
  Parameter weight_;
  real epsilon_;
};

}  // namespace nn
