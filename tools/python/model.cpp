#include "tools/python/model.h"

#include <algorithm>
#include <span>
#include <vector>

#include "nn/blas.h"
#include "nn/tape.h"

namespace python {

tributary_facts facts_of(const data::Examples& examples) {
  const nn::Shape shape = examples.shape(1);
  tributary_facts facts{
      examples.size(), examples.labels_per_example(), examples.class_count(), shape.rank() - 1, {}};
  std::ranges::copy(shape.extents().subspan(1), facts.shape);
  return facts;
}

static std::string line(const char* kind, const std::string& name, const nn::Shape& shape) {
  std::string text = nn::concat(kind, ' ', name);
  for (nn::index extent : shape.extents()) text += nn::concat(' ', extent);
  return text + '\n';
}

Model::Model(const federated::Experiment& experiment, const data::Examples& examples)
    : takes_(facts_of(examples)) {
  nn::Generator generator(experiment.seed);
  model_ = federated::config_of(experiment, examples).make_model(generator);
  for (const nn::ParameterInfo& info : parameters().infos())
    tensors_ += line("weight", info.name, info.shape);
  for (const nn::BufferInfo& info : parameters().buffer_infos())
    tensors_ += line("buffer", info.name, info.shape);
}

void Model::predict(const float* inputs, nn::index count, float* result) {
  constexpr nn::index part = 50;
  nn::blas::reserve(1);
  model_->evaluate();
  std::vector<nn::index> extents{0};
  extents.insert(extents.end(), takes_.shape, takes_.shape + takes_.rank);
  nn::Tape tape;
  tape.set_recording(false);
  for (nn::index first = 0; first < count; first += part) {
    tape.reset();
    extents[0] = std::min(part, count - first);
    const nn::Shape shape{std::span<const nn::index>(extents)};
    const nn::ConstView scores = model_->forward(tape.constant({inputs, shape})).value();
    inputs += shape.size();
    result = std::copy_n(scores.data, scores.shape.size(), result);
  }
}

}  // namespace python
