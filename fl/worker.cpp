#include "fl/worker.h"

#include <algorithm>

namespace fl {

Worker::Worker(const nn::ModelFactory& make_model, nn::DropoutStream dropout,
               const std::atomic<bool>* stop)
    : tape_(std::make_unique<nn::Tape>()),
      masks_(std::make_unique<nn::DropoutMasks>(dropout)),
      stop_(stop) {
  nn::Generator generator;
  model_ = make_model(generator);
}

template <class Function>
void Worker::each_part(std::span<const int> samples, Function f) {
  for (std::size_t first = 0; first < samples.size(); first += part_size) {
    if (stop_ && *stop_) throw Interrupted();
    tape_->reset();
    f(first, samples.subspan(first, std::min<std::size_t>(part_size, samples.size() - first)));
  }
}

Worker::Part Worker::load(const data::ImageSet& images, std::span<const int> samples) {
  const auto count = static_cast<nn::index>(samples.size());
  const nn::Shape shape{count, 1, images.height, images.width};
  nn::real* pixels = tape_->arena().allocate_array<nn::real>(shape.size()).data();
  const std::span<int> labels = tape_->arena().allocate_array<int>(samples.size());
  images.copy_batch(samples, pixels, labels);
  return {{pixels, shape}, labels};
}

double Worker::compute_gradient(const data::ImageSet& images, std::span<const int> samples,
                                nn::Generator& generator) {
  double mean_loss = 0;
  model_->parameters().zero_gradients();
  masks_->start_batch(generator, static_cast<nn::index>(samples.size()));
  tape_->set_recording(true);
  each_part(samples, [&](std::size_t first, std::span<const int> part) {
    model_->train(*masks_, static_cast<nn::index>(first));
    const Part batch = load(images, part);
    const nn::Var loss = nn::nll_loss(model_->forward(tape_->constant(batch.images)), batch.labels);
    const double share = static_cast<double>(part.size()) / static_cast<double>(samples.size());
    mean_loss += share * loss.value()[0];
    tape_->backward(loss, static_cast<nn::real>(share));
  });
  return mean_loss;
}

int Worker::count_correct(const data::ImageSet& images, std::span<const int> samples) {
  int correct = 0;
  model_->evaluate();
  tape_->set_recording(false);
  each_part(samples, [&](std::size_t, std::span<const int> part) {
    const Part batch = load(images, part);
    const nn::ConstView scores = model_->forward(tape_->constant(batch.images)).value();
    const nn::index classes = scores.shape.columns();
    for (std::size_t i = 0; i < part.size(); ++i) {
      const nn::real* row = scores.data + static_cast<nn::index>(i) * classes;
      correct += std::max_element(row, row + classes) - row == batch.labels[i];
    }
  });
  return correct;
}

}  // namespace fl
