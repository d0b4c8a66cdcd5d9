#pragma once

#include <memory>
#include <string>

#include "nn/model.h"
#include "tools/federated/experiment.h"
#include "tools/python/tributary.h"

namespace python {

tributary_facts facts_of(const data::Examples& examples);

// A model as a function, and its tensors by name.
class Model {
 public:
  // What the experiment trains, for such examples, with its seed's weights.
  Model(const federated::Experiment& experiment, const data::Examples& examples);

  nn::Parameters& parameters() { return model_->parameters(); }
  const nn::Parameters& parameters() const { return model_->parameters(); }
  const std::string& tensors() const { return tensors_; }  // as tributary_tensors() has them
  const tributary_facts& takes() const { return takes_; }

  // [count, ...] -> log-probabilities, a row for each label
  void predict(const float* inputs, nn::index count, float* result);

 private:
  std::unique_ptr<nn::Model> model_;
  tributary_facts takes_;
  std::string tensors_;
};

}  // namespace python

struct tributary_model : python::Model {
  using Model::Model;
};
