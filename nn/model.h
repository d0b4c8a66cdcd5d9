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
    dropout_.masks = &masks;
    dropout_.first_row = first_row;
  }
  void evaluate() { dropout_.masks = nullptr; }

 protected:
  Scope scope(Generator& generator) { return {parameters_, generator}; }
  DropoutContext& dropout() { return dropout_; }

 private:
  Parameters parameters_;
  DropoutContext dropout_;
};

using ModelFactory = std::function<std::unique_ptr<Model>(Generator&)>;

}  // namespace nn
