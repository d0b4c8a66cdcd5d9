#include "nn/layers.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include "nn/epilogue.h"
#include "nn/ops.h"
#include "nn/parameters.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

namespace {

// torch.nn.init.kaiming_uniform_(weight, a=sqrt(5)), the default for Linear and Conv2d. The same
// expression in double, because a shorter one can round to a different float.
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
  if (parameters_->has_values()) generator_->uniform(parameter.value().span(), -bound, bound);
  return parameter;
}

Parameter Scope::normal(const std::string& name, Shape shape, double stddev) const {
  const Parameter parameter = add(name, shape);
  if (parameters_->has_values()) generator_->normal(parameter.value().span(), 0, stddev);
  return parameter;
}

Parameter Scope::constant(const std::string& name, Shape shape, real value) const {
  const Parameter parameter = add(name, shape);
  if (parameters_->has_values()) std::ranges::fill(parameter.value(), value);
  return parameter;
}

Buffer Scope::buffer(const std::string& name, Shape shape, real value) const {
  const Buffer buffer{parameters_, parameters_->add_buffer(prefix_ + name, shape)};
  std::ranges::fill(buffer.value(), value);
  return buffer;
}

Buffer Scope::count(const std::string& name) const {
  return {parameters_, parameters_->add_buffer(prefix_ + name, {}, true)};
}

Linear::Linear(const Scope& scope, index in, index out, LinearOptions options)
    : weight_(options.stddev ? scope.normal("weight", {out, in}, *options.stddev)
                             : scope.uniform("weight", {out, in}, kaiming_bound(in))) {
  if (options.has_bias)
    bias_ = options.stddev ? scope.constant("bias", {out}, 0)
                           : scope.uniform("bias", {out}, bias_bound(in));
}

Var Linear::operator()(Var x) const {
  Tape& tape = x.tape();
  return linear(x, tape.parameter(weight_), bias_ ? tape.parameter(*bias_) : Var{});
}

Conv2d::Conv2d(const Scope& scope, index in, index out, index kernel, index stride, index padding)
    : weight_(
          scope.uniform("weight", {out, in, kernel, kernel}, kaiming_bound(in * kernel * kernel))),
      bias_(scope.uniform("bias", {out}, bias_bound(in * kernel * kernel))),
      stride_(stride),
      padding_(padding) {}

Var Conv2d::operator()(Var x, Epilogue epilogue) const {
  return conv2d(x, x.tape().parameter(weight_), x.tape().parameter(bias_), stride_, padding_,
                epilogue);
}

// A layer with probability 0 draws no mask and is not counted.
Dropout::Dropout(Mode& mode, double probability)
    : mode_(&mode),
      probability_(probability),
      layer_(probability > 0 ? mode.dropout_layers++ : -1) {}

Var Dropout::operator()(Var x) const {
  if (!mode_->is_training() || probability_ == 0) return x;
  const index columns = x.value().size() / x.shape()[0];
  return dropout(x, probability_,
                 mode_->masks->mask(layer_, mode_->first_row, columns, probability_));
}

Embedding::Embedding(const Scope& scope, index vocabulary, index d, double stddev)
    : weight_(scope.normal("weight", {vocabulary, d}, stddev)) {}

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

BatchNorm::BatchNorm(const Scope& scope, Mode& mode, index channels, real epsilon, real momentum)
    : mode_(&mode),
      weight_(scope.constant("weight", {channels}, 1)),
      bias_(scope.constant("bias", {channels}, 0)),
      running_mean_(scope.buffer("running_mean", {channels}, 0)),
      running_var_(scope.buffer("running_var", {channels}, 1)),
      batches_(scope.count("num_batches_tracked")),
      epsilon_(epsilon),
      momentum_(momentum) {
  mode.has_batch_statistics = true;
}

Var BatchNorm::operator()(Var x) const {
  const Var weight = x.tape().parameter(weight_), bias = x.tape().parameter(bias_);
  if (!mode_->is_training())
    return batch_norm(x, weight, bias, running_mean_.value(), running_var_.value(), epsilon_);
  ChannelMoments moments;
  const Var y = batch_norm(x, weight, bias, epsilon_, &moments);
  move_running(moments);
  return y;
}

void BatchNorm::move_running(const ChannelMoments& moments) const {
  if (moments.count == 1)
    throw InputError("batch normalisation: a batch with one number per channel has no variance",
                     "train with batches of at least two samples");
  const auto count = static_cast<real>(moments.count);
  const View mean = running_mean_.value(), variance = running_var_.value();
  for (index c = 0; c < mean.size(); ++c) {
    mean[c] += momentum_ * (moments.mean[c] - mean[c]);
    variance[c] += momentum_ * (moments.variance[c] * (count / (count - 1)) - variance[c]);
  }
  ++batches_.value()[0];
}

GroupNorm::GroupNorm(const Scope& scope, index groups, index channels, real epsilon)
    : groups_(groups),
      weight_(scope.constant("weight", {channels}, 1)),
      bias_(scope.constant("bias", {channels}, 0)),
      epsilon_(epsilon) {}

Var GroupNorm::operator()(Var x) const {
  return group_norm(x, groups_, x.tape().parameter(weight_), x.tape().parameter(bias_), epsilon_);
}

Var GroupNorm::then_relu(Var x, Var residual) const {
  return group_norm_relu(x, residual, groups_, x.tape().parameter(weight_),
                         x.tape().parameter(bias_), epsilon_);
}

RmsNorm::RmsNorm(const Scope& scope, index d, real epsilon)
    : weight_(scope.constant("weight", {d}, 1)), epsilon_(epsilon) {}

Var RmsNorm::operator()(Var x) const { return rms_norm(x, x.tape().parameter(weight_), epsilon_); }

}  // namespace nn
