#include "nn/layers.h"

#include <cmath>

namespace nn {

namespace {

// torch.nn.init.kaiming_uniform_(weight, a=sqrt(5)), the default of Linear and Conv2d; the same
// double expression, because a shorter one can round to another float.
double kaiming_bound(index fan_in) {
  const double gain = std::sqrt(2 / (1 + std::pow(std::sqrt(5.0), 2)));
  return std::sqrt(3.0) * (gain / std::sqrt(static_cast<double>(fan_in)));
}

double bias_bound(index fan_in) { return 1 / std::sqrt(static_cast<double>(fan_in)); }

}  // namespace

Parameter Scope::add(const std::string& name, Shape shape) const {
  return {parameters_, parameters_->add(prefix_ + name, shape)};
}

Parameter Scope::uniform(const std::string& name, Shape shape, double bound) const {
  const Parameter parameter = add(name, shape);
  generator_->uniform(parameter.value().span(), -bound, bound);
  return parameter;
}

Parameter Scope::normal(const std::string& name, Shape shape, double deviation) const {
  const Parameter parameter = add(name, shape);
  generator_->normal(parameter.value().span(), 0, deviation);
  return parameter;
}

Parameter Scope::constant(const std::string& name, Shape shape, real value) const {
  const Parameter parameter = add(name, shape);
  std::ranges::fill(parameter.value(), value);
  return parameter;
}

Linear::Linear(const Scope& scope, index in, index out)
    : weight_(scope.uniform("weight", {out, in}, kaiming_bound(in))),
      bias_(scope.uniform("bias", {out}, bias_bound(in))) {}

Var Linear::operator()(Var x) const {
  return linear(x, x.tape().parameter(weight_), x.tape().parameter(bias_));
}

Projection::Projection(const Scope& scope, index in, index out, double deviation)
    : weight_(scope.normal("weight", {out, in}, deviation)) {}

Var Projection::operator()(Var x) const { return linear(x, x.tape().parameter(weight_)); }

Conv2d::Conv2d(const Scope& scope, index in, index out, index kernel, index stride, index padding)
    : weight_(
          scope.uniform("weight", {out, in, kernel, kernel}, kaiming_bound(in * kernel * kernel))),
      bias_(scope.uniform("bias", {out}, bias_bound(in * kernel * kernel))),
      stride_(stride),
      padding_(padding) {}

Var Conv2d::operator()(Var x, Then then) const {
  return conv2d(x, x.tape().parameter(weight_), x.tape().parameter(bias_), stride_, padding_, then);
}

// A layer that drops nothing draws nothing, so only the others are counted.
Dropout::Dropout(DropoutContext& context, double probability)
    : context_(&context),
      probability_(probability),
      layer_(probability > 0 ? context.layers++ : -1) {}

Var Dropout::operator()(Var x) const {
  if (!context_->masks || probability_ == 0) return x;
  const index columns = x.value().size() / x.shape()[0];
  return dropout(x, probability_,
                 context_->masks->mask(layer_, context_->first_row, columns, probability_));
}

Embedding::Embedding(const Scope& scope, index vocabulary, index d, double deviation)
    : weight_(scope.normal("weight", {vocabulary, d}, deviation)) {}

Var Embedding::operator()(Tape& tape, std::span<const int> ids) const {
  return embedding(ids, tape.parameter(weight_));
}

LayerNorm::LayerNorm(const Scope& scope, index d, real epsilon)
    : weight_(scope.constant("weight", {d}, 1)),
      bias_(scope.constant("bias", {d}, 0)),
      epsilon_(epsilon) {}

Var LayerNorm::operator()(Var x) const {
  return layer_norm(x, x.tape().parameter(weight_), x.tape().parameter(bias_), epsilon_);
}

RmsNorm::RmsNorm(const Scope& scope, index d, real epsilon)
    : weight_(scope.constant("weight", {d}, 1)), epsilon_(epsilon) {}

Var RmsNorm::operator()(Var x) const { return rms_norm(x, x.tape().parameter(weight_), epsilon_); }

}  // namespace nn
