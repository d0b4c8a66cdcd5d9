#pragma once

#include <functional>
#include <memory>
#include <span>

#include "nn/base/error.h"
#include "nn/dropout_masks.h"
#include "nn/layers.h"
#include "nn/ops.h"
#include "nn/parameters.h"
#include "nn/random.h"
#include "nn/tape.h"
#include "nn/tensor.h"

namespace nn {

// Parameters and the function that uses them. Models are not copied: a replica is made by calling
// the factory again and copying one span.
class Model {
 public:
  Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  virtual ~Model() = default;

  // [n, ...] -> log-probabilities [n, classes]; of text [n * length, tokens], of the next tokens
  virtual Var forward(Var x) = 0;

  // The mean loss of the classes, [1], for training.
  virtual Var loss(Var x, std::span<const int> classes) { return nll_loss(forward(x), classes); }

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }

  // Switches to training: the next forward passes take samples of a batch, starting at first_row,
  // and use its dropout masks.
  void train(DropoutMasks& masks, index first_row = 0) {
    require(first_row == 0 || !needs_whole_batch(),
            "model: batches cannot be trained in parts, because it uses batch statistics");
    mode_.masks = &masks;
    mode_.first_row = first_row;
  }
  void evaluate() { mode_.masks = nullptr; }

  // Whether a training batch must go through the model in one piece, because a sample's result
  // depends on the others. Otherwise a batch may be split and the gradients of its parts added up.
  // Evaluation never needs the whole batch.
  bool needs_whole_batch() const { return mode_.has_batch_statistics; }

 protected:
  Scope scope(Generator& generator) { return {parameters_, generator}; }
  Mode& mode() { return mode_; }  // for layers that behave differently in training

 private:
  Parameters parameters_;
  Mode mode_;
};

// What a model is given.
enum class InputKind {
  images,  // [n, channels, height, width]
  rows,    // [n, columns]
  text,    // [n, length] ids of tokens, as reals
};

// The shape of a model's input but for n. Rows and texts have one channel and are one high.
struct InputShape {
  index channels, height, width;
  index size() const { return channels * height * width; }
};

using ModelFactory = std::function<std::unique_ptr<Model>(Generator&)>;

}  // namespace nn
