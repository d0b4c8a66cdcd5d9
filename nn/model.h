#pragma once

#include <functional>
#include <memory>

#include "nn/layers.h"

namespace nn {

// Parameters and the function they belong to. A replica is the factory called again and one span
// copied, so a model itself is never copied.
class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  virtual ~Model() = default;

  // [n, ...] -> log-probabilities [n, classes]
  virtual Var forward(Var x) = 0;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  // The next forward passes see the samples of a batch from first_row on, and drop by its masks.
  void train(DropoutMasks& masks, index first_row = 0) {
    require(first_row == 0 || !needs_whole_batch(),
            "model: its batches cannot be trained in parts: it has batch statistics");
    mode_.masks = &masks;
    mode_.first_row = first_row;
  }
  void evaluate() { mode_.masks = nullptr; }

  // Whether a training batch must go through the model in one piece, because a sample's result
  // depends on the others. Otherwise a batch may be cut into parts of which the gradients are added
  // up. Evaluation never needs it.
  bool needs_whole_batch() const { return mode_.has_batch_statistics; }

 protected:
  Scope scope(Generator& generator) { return {parameters_, generator}; }
  Mode& mode() { return mode_; }  // for layers that do not do the same in training

 private:
  Parameters parameters_;
  Mode mode_;
};

// What an image model is told about its data: x is [n, channels, height, width].
struct InputShape {
  index channels, height, width;
  index size() const { return channels * height * width; }
};

using ModelFactory = std::function<std::unique_ptr<Model>(Generator&)>;

}  // namespace nn
