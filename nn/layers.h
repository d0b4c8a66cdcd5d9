#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "nn/dropout_masks.h"
#include "nn/epilogue.h"
#include "nn/ops.h"
#include "nn/parameters.h"
#include "nn/random.h"
#include "nn/real.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// Where a layer's weights live: the model's parameters, a prefix for their names, and the generator
// for their initial values. Layers created in PyTorch's order from a generator with the same seed
// start with PyTorch's weights.
class Scope {
 public:
  Scope(Parameters& parameters, Generator& generator, std::string prefix = "")
      : parameters_(&parameters), generator_(&generator), prefix_(std::move(prefix)) {}

  // scope("model")("norm") names its weights "model.norm.weight".
  Scope operator()(const std::string& name) const {
    return {*parameters_, *generator_, prefix_ + name + '.'};
  }

  Parameter uniform(const std::string& name, Shape shape, double bound) const;
  Parameter normal(const std::string& name, Shape shape, double stddev) const;
  Parameter constant(const std::string& name, Shape shape, real value) const;
  Buffer buffer(const std::string& name, Shape shape, real value) const;
  Buffer count(const std::string& name) const;  // a buffer of one integer, initially 0

 private:
  Parameter add(const std::string& name, Shape shape) const;
  Parameters* parameters_;
  Generator* generator_;
  std::string prefix_;
};

struct LinearOptions {
  bool has_bias = true;
  // Initial weights from N(0, stddev) and a bias of 0. Without it, PyTorch's uniform defaults.
  std::optional<double> stddev = {};
};

// y[..., out] = x[..., in] weight^T + bias
class Linear {
 public:
  Linear(const Scope& scope, index in, index out, LinearOptions options = {});
  Var operator()(Var x) const;
  const Parameter& weight() const { return weight_; }

 private:
  Parameter weight_;
  std::optional<Parameter> bias_;
};

// [n, in, height, width] -> [n, out, ...]
class Conv2d {
 public:
  Conv2d(const Scope& scope, index in, index out, index kernel, index stride = 1,
         index padding = 0);
  Var operator()(Var x, Epilogue epilogue = Epilogue::nothing) const;
  Filters filters(Tape& tape) const { return {tape.parameter(weight_), tape.parameter(bias_)}; }

 private:
  Parameter weight_, bias_;
  index stride_, padding_;
};

// Whether the layers of a model are in training, and with which dropout masks. One per model.
struct Mode {
  DropoutMasks* masks = nullptr;  // null in evaluation
  index first_row = 0;            // of the samples, in the batch that the masks cover
  int dropout_layers = 0;
  bool has_batch_statistics = false;  // in training, results depend on the whole batch

  bool is_training() const { return masks != nullptr; }
};

class Dropout {
 public:
  Dropout(Mode& mode, double probability);
  Var operator()(Var x) const;

 private:
  Mode* mode_;
  double probability_;
  int layer_;
};

// [ids] -> [ids, d], initial values from N(0, stddev)
class Embedding {
 public:
  Embedding(const Scope& scope, index vocabulary, index d, double stddev = 1);
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

// PyTorch's BatchNorm1d and BatchNorm2d, for [n, channels] and [n, channels, height, width] (Ioffe
// and Szegedy 2015). Training normalises each channel by its mean and variance over the batch and
// moves the running estimates towards them; evaluation uses the running estimates. The running
// variance is unbiased. A training batch with a single number per channel throws InputError.
class BatchNorm {
 public:
  // The mode must outlive the layer.
  BatchNorm(const Scope& scope, Mode& mode, index channels, real epsilon = 1e-5,
            real momentum = 0.1);
  Var operator()(Var x) const;

 private:
  void move_running(const ChannelMoments& moments) const;

  Mode* mode_;
  Parameter weight_, bias_;
  Buffer running_mean_, running_var_, batches_;
  real epsilon_, momentum_;
};

// Normalises each sample over groups of channels, independently of the batch. Training and
// evaluation are the same.
class GroupNorm {
 public:
  GroupNorm(const Scope& scope, index groups, index channels, real epsilon = 1e-5);
  Var operator()(Var x) const;
  Var then_relu(Var x, Var residual = {}) const;  // relu((*this)(x) + residual) in one pass

 private:
  index groups_;
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
